import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runShell } from '../shell.ts'
import { type Block, blocks, commands, pattern } from './page.ts'

const root = join(import.meta.dirname, '../..')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'fixtures/README.md',
  'python/README.md',
  'src/DESIGN.md',
  'src/README.md',
  'src/adapters/README.md',
  'src/cli/README.md',
  'src/ports/README.md',
  'test/README.md',
  'test/calibration/README.md',
]

/** A folder in which a reader would try what a page shows: the package is installed and stands on the path, and there is a port. */
async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'torch-parity-page-'))
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'node_modules'))
  await symlink(root, join(folder, 'node_modules/torch-parity'))
  for (const name of ['vitest', '.bin'])
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  for (const name of ['rnn_cell', 'lstm', 'seq2seq', 'captured', 'known_answers']) {
    await cp(join(root, 'fixtures', name), join(folder, 'fixtures', name), { recursive: true })
  }
  await cp(join(root, 'python/examples'), join(folder, 'python/examples'), { recursive: true })
  await symlink(join(root, 'python/torch_parity'), join(folder, 'python/torch_parity'))
  const { TORCH_PARITY_PYTHON: python = 'python3' } = process.env
  const programs = {
    'torch-parity': `exec '${process.execPath}' '${join(root, 'dist/cli.js')}' "$@"`,
    python: `exec '${python}' "$@"`,
  }
  for (const [name, line] of Object.entries(programs)) {
    await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${line}\n`)
    await chmod(join(folder, 'bin', name), 0o755)
  }
  const ports = blocks(await readFile(join(root, 'src/ports/README.md'), 'utf8'))
  await writeFile(join(folder, 'my-port.mjs'), ports.find(({ file }) => file === 'my-port.mjs')!.code)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

async function run(cwd: string, command: string): Promise<{ code: number | null; shown: string }> {
  const { code, shown } = await runShell(cwd, command, {
    PATH: [join(cwd, 'bin'), process.env['PATH']].join(delimiter),
    PYTHONPATH: join(root, 'python'),
    PAGES: import.meta.dirname,
  })
  return { code, shown: shown.replace(/^.*\r(?=.)/gm, '').replace(/[^\S\n]+$/gm, '') }
}

/** Does what a block says, and holds it to what it says comes of it. */
async function follow(folder: string, page: string, block: Block): Promise<void> {
  const where = `${page}:${block.line}`
  if (block.before !== undefined) {
    const { code, shown } = await run(folder, block.before)
    expect(code, `${where}: ${block.before}\n${shown}`).toBe(0)
  }
  if (block.file !== undefined) {
    await mkdir(dirname(join(folder, block.file)), { recursive: true })
    await writeFile(join(folder, block.file), `${block.code}\n`)
  } else if (block.language === 'console') {
    for (const { command, shown: said } of commands(block)) {
      const { shown } = await run(folder, command)
      expect(shown, `${where}: ${command}`).toMatch(pattern(said, block.numbersVary))
    }
  } else {
    const { code, shown } = await run(folder, `set -e\n${block.code}`)
    expect(code, `${where}\n${shown}`).toBe(0)
  }
}

describe('every block of code', () => {
  it.each(pages)('of %s is a file, is run, or says why it is not', async (page) => {
    const neither = blocks(await readFile(join(root, page), 'utf8')).filter(({ language, code, notRun, file }) =>
      language === '' ? /^\$ /m.test(code) : notRun === undefined && !/^console$|^sh$|\./.test(file ?? language),
    )
    expect(neither).toEqual([])
  })

  it.each(pages)('of %s does what the page says', { timeout: 300_000 }, async (page) => {
    const run = blocks(await readFile(join(root, page), 'utf8')).filter(
      ({ language, notRun }) => language !== '' && notRun === undefined,
    )
    const folder = await place()
    try {
      for (const block of run) await follow(folder, page, block)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
