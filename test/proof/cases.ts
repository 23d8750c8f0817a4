import { type Case, isExported } from '../../src/format/case.ts'
import { findFixtures, openFile } from '../../src/cli/files.ts'
import { random } from '../random.ts'

export interface Recorded {
  readonly file: string
  readonly case: Case
}

/** Every recorded case that is so; of modules and models that are spelled out, where nothing is said. */
export async function readCases(
  folder: string,
  isOne: (recorded: Case) => boolean = (recorded) => !isExported(recorded),
): Promise<Recorded[]> {
  const { files, errors } = await findFixtures([folder])
  for (const error of errors) throw error
  const recorded: Recorded[] = []
  for (const file of files) {
    for await (const read of (await openFile(file)).cases()) {
      if ('error' in read) throw read.error
      if (isOne(read.case)) recorded.push({ file, case: read.case })
    }
  }
  return recorded
}

/** The same items in an order that a seed and a name draw. */
export function shuffled<T>(items: readonly T[], seed: number, name: string): T[] {
  const numbers = random(Array.from(name).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) | 0, seed))
  const drawn = [...items]
  for (let i = drawn.length - 1; i > 0; i--) {
    const j = numbers.int(0, i)
    ;[drawn[i], drawn[j]] = [drawn[j]!, drawn[i]!]
  }
  return drawn
}
