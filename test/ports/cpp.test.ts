import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect } from 'vitest'
import type { Request } from '../../src/format/case.ts'
import { commandWay } from '../../src/ports/command.ts'
import { hostEngine } from '../../src/ports/host.ts'
import { it } from '../cli/command.ts'
import { cellCase, questionOf } from '../sample.ts'
import { echoes } from './echoes.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const built = mkdtempSync(join(tmpdir(), 'torch-parity-cpp-'))
afterAll(() => rmSync(built, { recursive: true, force: true }))

/** → a program of a C++ file, which is built */
function cpp(source: string, name: string): string {
  const program = join(built, name)
  const warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Werror']
  execFileSync('g++', ['-std=c++17', '-O1', ...warnings, source, '-o', program], { stdio: 'pipe' })
  return program
}

const isMissing = spawnSync('g++', ['--version']).error !== undefined
if (isMissing) console.info('skipped: no g++ on the path, which builds the client in C++')

// ci/count.js lets what has this name be skipped where there is no g++.
describe.skipIf(isMissing)('an engine in C++, which g++ builds', () => {
  it('that is an LSTM matches PyTorch', async ({ folder }) => {
    const files = ['default', 'batch_first', 'num_layers', 'unbatched', 'bidirectional', 'no_bias', 'gradients']
    const paths = files.map((name) => here(`../../fixtures/lstm/${name}.msgpack`))
    const lstm = cpp(here('../clients/cpp/lstm.cpp'), 'lstm')
    const { code, stdout, stderr } = await folder.run(['verify', ...paths, '--engine-command', lstm, '--quiet'])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^\d+ cases: \d{2,} matched, 0 mismatched, \d+ undecided, \d+ unsupported$/m)
    expect(code).toBe(0)
  })

  it('gives and gets every number of every dtype, prints to standard error, and goes on when it throws', async ({
    folder,
  }) => {
    await folder.write(
      'echo.cpp',
      `#include ${JSON.stringify(here('../clients/cpp/torch_parity.hpp'))}
#include <cstdio>
using namespace torch_parity;
Tensors run(const Request& request) {
  std::puts("running");
  const Tensor& input = request.inputs.at("input");
  const bool is_double = request.dtype == "float64";
  Tensor third = input, more = input;
  for (double& x : third.data) x = is_double ? x / 3 : static_cast<float>(x) / 3;
  for (double& x : more.data) x = is_double ? x * 1.01171875 : static_cast<float>(x) * 1.01171875f;
  return {{"output", input}, {"h_n", third}, {"c_n", more}};
}
int main() { return serve("echo", [](const Request& request) { return request.module; }, run); }
`,
    )
    const command = cpp(folder.path('echo.cpp'), 'echo')
    expect(await echoes(command)).toStrictEqual([])
    const host = await hostEngine(commandWay(command), 60_000)
    const request = questionOf(cellCase())
    const without = { ...request, inputs: {} } as Request
    await expect(host.engine.run(without)).rejects.toThrow(/expected an answer, got an error: .*at/)
    expect(await host.engine.supports?.(request)).toBe('RNNCell')
    await host.close()
  })
})
