import { expect, it } from 'vitest'
import type { Edit } from '../../src/edits/edit.ts'
import { faults } from '../../src/edits/faults.ts'
import { isKnown, nameOf } from '../../src/edits/known.ts'

const single = faults
  .filter(({ equivalent }) => equivalent === undefined)
  .flatMap(({ name, ways }) => ways.filter(({ length }) => length === 1).map(([edit]): [string, Edit] => [name, edit!]))

it.each(single.filter(([, { scope }]) => scope === undefined))('%s is what its edit is called', (name, edit) => {
  expect(nameOf(edit)).toBe(name)
  expect(isKnown(edit)).toBe(true)
  expect(nameOf({ ...edit, scope: { layers: 'later' } })).toBe(`${name}, later`)
})
