import { describe, expect } from 'vitest'
import { it } from '../cli/command.ts'
import { called, engineScript, instead, judged, secondInput } from './processes.ts'

/** What an engine does in the place of answering its second case. */
const second = (text: string): string =>
  engineScript(`(question) => {
    if (numbers(question.request.inputs.input).data[0] !== ${secondInput}) return right(question)
    const { ask, request } = question
    ${text}
  }`)

describe('verify --engine-command loses one case, and nothing else, by', () => {
  const answer = `engine ${called}: expected an answer, got an error`
  const frames = `engine ${called}: expected frames on standard output, got`
  const h_1 = 'const { h_1 } = outputs(request)\n'
  it.for<[string, string, string]>([
    ['an end of the process', 'process.exit(3)', `${answer}: its process ended with code 3\n`],
    [
      'an end with last words',
      "console.error('no\\nlong\\n\\nlist\\nof\\nwords\\nbut \\u001b[2Jthese'); process.exit(1)",
      `${answer}: its process ended with code 1\n  long\n  list\n  of\n  words\n  but \\x1b[2Jthese\n`,
    ],
    [
      'an end by its signal',
      "process.kill(process.pid, 'SIGKILL')",
      `${answer}: its process ended with code 137 (SIGKILL)\n`,
    ],
    ['an error', "send({ ask, error: 'no kernel\\nof that size' })", `${answer}: no kernel of that size\n`],
    ['text', "console.log('all is well'); right(question)", `${frames} "all is well`],
    [
      'lines that begin as a length might',
      "console.log('abc\\nall is well')",
      `${frames} "abc\\nall is well\\n"\n${instead}`,
    ],
    ['a long text', "console.log('x'.repeat(1e6)); right(question)", `${frames} "${'x'.repeat(40)}"\n${instead}`],
    ['an empty frame', 'write(Buffer.alloc(4))', `${frames} "\\u0000\\u0000\\u0000\\u0000"\n${instead}`],
    [
      'a frame longer than the limit',
      'write(Buffer.from([1, 0, 0, 0x10, 0x81]))',
      `${frames} "\\u0001\\u0000\\u0000\\u0010\\x81"\n${instead}`,
    ],
    [
      'bytes that are no MessagePack',
      'write(framed(Buffer.from([0xc1])))',
      `${frames} "\\u0001\\u0000\\u0000\\u0000Á" (`,
    ],
    ['a frame that ends too late', 'write(framed(Buffer.concat([encode({ ask }), encode(1)])))', `${frames} "`],
    [
      'a torn frame',
      'write(framed(encode({ ask })).subarray(0, 7)); process.exit(0)',
      `${answer}: its process ended with code 0\na part of a frame has come, "`,
    ],
    ['a list', 'send([ask, outputs(request)])', `${answer}: it sent what is no answer, [`],
    [
      'an answer without its number',
      'send({ value: outputs(request) })',
      `${answer}: it sent what is no answer, {"value":{"h_1":`,
    ],
    ['an answer without a value', 'send({ ask })', `${answer}: it sent what is no answer, {"ask":2}\n`],
    [
      'an error that is no text',
      'send({ ask, error: [1] })',
      `${answer}: it sent what is no answer, {"ask":2,"error":[1]}\n`,
    ],
    [
      'a second greeting',
      "send({ protocol: 1, name: 'mine' })",
      `${answer}: it sent what is no answer, {"protocol":1,"name":"mine"}\n`,
    ],
    [
      'a number that nobody asked',
      'send({ ask: 77, value: {} })',
      `${answer}: it answered question 77, which nobody has asked\n`,
    ],
    [
      'a number that is none',
      'send({ ask: 1.5, value: {} })',
      `${answer}: it answered question 1.5, which nobody has asked\n`,
    ],
    [
      'a number that was answered',
      'send({ ask: 1, value: outputs(request) })',
      `${answer}: it answered question 1 twice\n`,
    ],
    ['outputs that are no map', 'send({ ask, value: 7 })', `engine ${called}: expected a map of tensors, got 7\n`],
    [
      'outputs that are nothing',
      'send({ ask, value: null })',
      `engine ${called}: expected a map of tensors, got null\n`,
    ],
    [
      'a tensor that is lists',
      'send({ ask, value: { h_1: [[1, 2]] } })',
      `engine ${called}: h_1: expected a tensor { dtype, shape, data: bin }, got [[1,2]]\n`,
    ],
    [
      'a tensor without data',
      `${h_1} send({ ask, value: { h_1: { ...h_1, data: [1] } } })`,
      `engine ${called}: h_1: expected a tensor { dtype, shape, data: bin }, got {"dtype":"float32"`,
    ],
    [
      'a dtype that is none',
      `${h_1} send({ ask, value: { h_1: { ...h_1, dtype: 'int32' } } })`,
      `engine ${called}: h_1: dtype: expected one of float16, bfloat16, float32, float64, int64, got "int32"\n`,
    ],
    [
      'a shape that is none',
      `${h_1} send({ ask, value: { h_1: { ...h_1, shape: [2, -3] } } })`,
      `engine ${called}: h_1: shape: expected whole numbers of at least 0, got [2,-3]\n`,
    ],
    [
      'bytes that are too few',
      `${h_1} send({ ask, value: { h_1: { ...h_1, data: h_1.data.slice(1) } } })`,
      `engine ${called}: h_1: expected 24 bytes for float32 of shape (2, 3), got 23\n`,
    ],
  ])('%s', async ([, text, problem], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, second(text))
    expect(stderr).toContain(`error cells.msgpack: case two: ${problem}`)
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })

  it.for<[string, string, string]>([
    ['a hang', '', ''],
    ['a loop', 'for (;;) {}', ''],
    ['the end of its standard output', 'fs.closeSync(1)', ''],
    ['words that might be a length', "console.log('abc')", `\na part of a frame has come, "abc\\n"\n${instead.trim()}`],
  ])('%s', async ([, text, more], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, second(text), ['--timeout', '1'])
    expect(stderr).toBe(
      `error cells.msgpack: case two: engine ${called}: expected an answer, got none: a run took more than 1 s${more}\n`,
    )
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })

  it('an answer that comes twice, which is told in the place of the next', async ({ folder }) => {
    const { code, stdout, stderr } = await judged(folder, second('right(question); right(question)'))
    expect(stderr).toBe(`error cells.msgpack: case three: ${answer}: it answered question 2 twice\n`)
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })
})
