import { describe, expect, it } from 'vitest'
import { isPlain, logLine, logText, oneLine, ParityError, spelled, spelledLines } from '../../src/format/errors.ts'

/** Every character that turns the direction of what stands around it. */
const turning = [0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]

describe('text of others', () => {
  it.each(turning)('is not plain with U+%i, and shows it', (code) => {
    const text = `a${String.fromCodePoint(code)}b`
    const shown = `a\\u${code.toString(16).padStart(4, '0')}b`
    expect(isPlain(text)).toBe(false)
    expect(oneLine(text)).toBe('a b')
    for (const show of [spelled, spelledLines, logLine, logText]) expect(show(text)).toBe(shown)
    expect(new ParityError('USAGE', text).message).toBe(shown)
  })

  it('is plain with other characters that have no shape, and letters of any script', () => {
    expect(['é', 'שלום', 'مرحبا', '日本', 'a\u00ADb', 'a\u200Db', '👩‍🔬'].map((text) => isPlain(text))).not.toContain(
      false,
    )
  })

  it.each([
    ['\u001B[2J', '\\x1b[2J'],
    ['a\u0007\u009B\u007F', 'a\\x07\\x9b\\x7f'],
    ['a\rb', 'a\\x0db'],
    ['a\tb', 'a\tb'],
    ['::error::x', ': :error::x'],
    [' \t::add-mask::x', ' \t: :add-mask::x'],
    ['a ::error::x', 'a ::error::x'],
    ['x ##[error]y', 'x # #[error]y'],
    ['x ##vso[task.setvariable]y', 'x # #vso[task.setvariable]y'],
    ["##teamcity[testFailed name='x']", "# #teamcity[testFailed name='x']"],
    ['## a title', '## a title'],
  ])('%j is %j in a log', (text, shown) => {
    expect(logLine(text)).toBe(shown)
    expect(logText(`first\n${text}`)).toBe(`first\n${shown}`)
    expect(new ParityError('USAGE', `first\n${text}`).message).toBe(`first\n${shown}`)
  })

  it('has its line breaks spelled out where it is one line', () => {
    expect(logLine('a\n::error::b')).toBe('a\\x0a::error::b')
    expect(spelled('a\nb\u2028c')).toBe('a\\x0ab\\u2028c')
  })
})
