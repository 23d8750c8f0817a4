import { mkdir, symlink } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { cells, message, npy, npz, one, put, safetensors, three, two, verify } from './answering.ts'
import { it } from './command.ts'

describe('links among answers', () => {
  it('lead to another place among them, and to none outside', async ({ folder }) => {
    await put(folder, {
      ...cells,
      'elsewhere/one.safetensors': safetensors(one.expected),
      'elsewhere/h_1.npy': npy(three.expected['h_1']!),
      'real/all/two.npz': npz(two.expected),
    })
    await mkdir(folder.path('real/cells/three'), { recursive: true })
    await symlink('../../elsewhere/one.safetensors', folder.path('real/cells/one.safetensors'))
    await symlink('../all/two.npz', folder.path('real/cells/two.npz'))
    await symlink('../../../elsewhere/h_1.npy', folder.path('real/cells/three/h_1.npy'))
    // The folder itself is what somebody has named.
    await symlink('real', folder.path('answers'))
    const { code, stdout, stderr } = await folder.run(verify)
    const out = (path: string): string => `${path}: expected what is in answers, got a link that leads out of it`
    expect(stderr).toBe(
      `error fixtures/cells.msgpack: case one: ${out('answers/cells/one.safetensors')}\n` +
        `error fixtures/cells.msgpack: case three: ${out('answers/cells/three/h_1.npy')}\n`,
    )
    expect(stdout).toContain('\n1 case: 1 matched, 0 mismatched, 0 undecided, 0 unsupported, 2 errors\n')
    expect(code).toBe(2)
    const explained = await folder.run(['explain', 'fixtures/cells.msgpack', '--case', 'one', '--answers', 'answers'])
    expect(explained.stderr).toBe(`error ${out('answers/cells/one.safetensors')}\n`)
    expect(explained.code).toBe(2)
  })

  it.for(['cells', 'cells.msgpack'])('are none of what is called %s', async (name, { folder }) => {
    await put(folder, {
      ...cells,
      'elsewhere/cells/one.safetensors': safetensors(one.expected),
      'elsewhere/cells.msgpack': message('one', one.expected),
    })
    await mkdir(folder.path('answers'))
    await symlink(`../elsewhere/${name}`, folder.path(`answers/${name}`))
    const { code, stdout, stderr } = await folder.run(verify)
    expect(stderr).toContain(`answers/${name}: expected what is in answers, got a link that leads out of it\n`)
    expect(stdout).not.toContain('match ')
    expect(code).toBe(2)
  })
})
