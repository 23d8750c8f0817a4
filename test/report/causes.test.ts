import { describe, expect, it } from 'vitest'
import { causeOfEach, mergeCauses, renderCauses, severalCauses } from '../../src/report/causes.ts'
import { renderText } from '../../src/report/plain.ts'
import { renderStepSummary } from '../../src/report/github.ts'
import { causes, mismatching, odd, results } from './saved.ts'

describe('renderCauses', () => {
  it('has each cause with how many it explains, what else it may be, what to change, and where it is first', () => {
    expect(renderCauses(causes)).toBe(
      '3 cases: the engine takes the blocks of rows for i g f o, where torch has i f g o (confirmed on 2 of 4 other cases)\n' +
        '  or it takes the blocks of weight_ih for i g f o: no case of this run tells these apart\n' +
        '  change: order the gates as torch does (torch.nn.LSTM, weight_ih_l[k])\n' +
        '  first: a.msgpack: case wrong\n' +
        '2 cases: nothing yet, a cause was looked for in 1 of them; `torch-parity explain FILE --case ID --search SECONDS` looks longer in one\n' +
        '  first: b.msgpack: case odd-0',
    )
  })

  it('confirms nothing where there is no other case', () => {
    const [group] = causes.groups
    const one = { ...group!, confirmed: { cases: 0, of: 0 }, cases: group!.cases.slice(0, 1), alike: [], advice: [] }
    expect(renderCauses({ groups: [one], unexplained: { cases: [], searched: 0 } })).toBe(
      '1 case: the engine takes the blocks of rows for i g f o, where torch has i f g o\n  first: a.msgpack: case wrong',
    )
  })

  it('shows no text of a file as its own', () => {
    const unexplained = { cases: [{ file: 'x\nb', id: '\u001B[31m' }], searched: 1 }
    const lines = renderCauses({ groups: [], unexplained }).split('\n')
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('\u001B')
  })
})

describe('severalCauses', () => {
  it('is nothing for one mismatch, which says itself what it comes from', () => {
    const one = { groups: [], unexplained: { cases: [{ file: 'a', id: 'b' }], searched: 1 } }
    expect(severalCauses(one)).toBeUndefined()
    expect(severalCauses(undefined)).toBeUndefined()
    expect(severalCauses(causes)).toBe(causes)
  })
})

describe('causeOfEach', () => {
  it('knows the cause of a case by its file and id', () => {
    const causeOf = causeOfEach(causes)
    expect(causeOf({ file: 'a.msgpack', id: 'wrong' })).toBe(causes.groups[0])
    expect(causeOf({ file: 'b.msgpack', id: 'wrong' })).toBeUndefined()
    expect(causeOf({ file: 'b.msgpack', id: 'odd-0' })).toBeUndefined()
  })
})

describe('mergeCauses', () => {
  const [group] = causes.groups
  const other = {
    groups: [
      { ...group!, confirmed: { cases: 4, of: 5 }, cases: [1, 2, 3, 4, 5].map((i) => ({ file: 'c', id: `${i}` })) },
    ],
    unexplained: { cases: [{ file: 'b.msgpack', id: 'odd-0' }], searched: 1 },
  }

  it('puts the same edits together, and counts a case once', () => {
    const merged = mergeCauses([causes, other])
    expect(merged?.groups.map(({ cases, confirmed }) => [cases.length, confirmed])).toEqual([[8, { cases: 7, of: 10 }]])
    expect(merged?.unexplained).toEqual({ cases: causes.unexplained.cases, searched: 1 })
    expect(mergeCauses([causes, causes])?.groups[0]).toEqual(group)
  })

  it('puts the most frequent first, and is nothing of nothing', () => {
    const more = { ...other, groups: [{ ...other.groups[0]!, edits: [{ operator: 'zero', operand: {} }] }] }
    expect(mergeCauses([causes, more])?.groups.map(({ cases }) => cases.length)).toEqual([5, 3])
    expect(mergeCauses([])).toBeUndefined()
  })
})

describe('saved causes', () => {
  const { explanation: _, ...bare } = mismatching
  const saved = results([bare, { ...bare, file: 'b.msgpack', id: 'odd-0' }], { causes })

  it('stand in plain text after the mismatches, and in each of their cases', () => {
    const text = renderText([saved])
    expect(text).toContain(
      '  why: the engine takes the blocks of rows for i g f o, where torch has i f g o (explains everything, as in 2 other cases)\n',
    )
    expect(text).toContain(`\n${renderCauses(causes)}\n`)
    expect(text.match(/why:/g)).toHaveLength(1)
  })

  it('are a table in Markdown that no text ends', () => {
    const text = renderStepSummary([saved])
    expect(text).toContain('\n\n| mismatches | why | first |\n| --: | --- | --- |\n| 3 | the engine takes the blocks')
    const strange = { groups: [{ ...causes.groups[0]!, sentence: odd }], unexplained: causes.unexplained }
    const rows = renderStepSummary([results([bare], { causes: strange })]).split('\n')
    expect(rows.filter((row) => /^\| [32] \|/.test(row)).map((row) => row.split('|').length)).toEqual([5, 5])
  })
})
