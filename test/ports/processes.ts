// Engines that are processes, as scripts of Node.
import type { Ended, Folder } from '../cli/command.ts'
import { moduleWith } from '../cli/engines.ts'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'

/** Three cases of an RNNCell. */
export const cells = fixtureBytes(['one', 'two', 'three'].map((id, i) => caseRecord(cellCase({ id }, i + 1))))
/** The first number of the input of the second. */
export const secondInput = cellCase({}, 2).inputs.input.data[0] ?? 0
/** The command that starts an engine, as messages call it. */
export const called = 'node mine.mjs'
/** What a message ends with when something stands on standard output that is no frame. */
export const instead = 'print to standard error instead: standard output is for frames alone\n'

/** Judges an engine, given as the text of a script, by the three cases. */
export async function judged(folder: Folder, text: string, flags: readonly string[] = []): Promise<Ended> {
  await folder.write('cells.msgpack', cells)
  await folder.write('mine.mjs', text)
  return folder.run(['verify', 'cells.msgpack', '--quiet', '--repeat', '1', '--engine-command', called, ...flags])
}

const library = import.meta.resolve('@msgpack/msgpack')

/**
 * The text of a script that is a right engine of RNNCell but for what is said: `answer(question)` is called for each question and
 * may call `right(question)`, which answers it, `send(message)`, `outputs(request)` and `numbers(tensor)`.
 */
export function engineScript(answer: string, greeting = "{ protocol: 1, name: 'mine' }"): string {
  return moduleWith(`
    import fs from 'node:fs'
    import { decode, encode } from ${JSON.stringify(library)}
    const framed = (body) => {
      const head = Buffer.alloc(4)
      head.writeUInt32LE(body.length)
      return Buffer.concat([head, body])
    }
    const write = (bytes) => { for (let at = 0; at < bytes.length; ) at += fs.writeSync(1, bytes, at) }
    const send = (message) => write(framed(encode(message)))
    const numbers = ({ dtype, shape, data }) => ({ dtype, shape, data: new Float32Array(data.slice().buffer) })
    const all = (tensors) => Object.fromEntries(Object.entries(tensors ?? {}).map(([name, tensor]) => [name, numbers(tensor)]))
    const outputs = (request) => {
      const { h_1 } = cell({ ...request, params: all(request.params), inputs: all(request.inputs) })
      return { h_1: { ...h_1, data: new Uint8Array(h_1.data.buffer) } }
    }
    const right = ({ ask, request }) => send({ ask, value: outputs(request) })
    const answer = ${answer}
    let rest = Buffer.alloc(0)
    process.stdin.on('data', (piece) => {
      rest = Buffer.concat([rest, piece])
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
        const end = 4 + rest.readUInt32LE(0)
        const body = new Uint8Array(rest.subarray(4, end))
        rest = rest.subarray(end)
        answer(decode(body))
      }
    })
    const greeting = ${greeting}
    if (greeting !== undefined) send(greeting)
  `)
}
