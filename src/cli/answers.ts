import { type NameMap, parseMap } from '../format/actual/rules.ts'
import { ParityError } from '../format/errors.ts'
import { type Answers, openAnswers } from '../ports/answers.ts'
import { readRegular } from '../ports/regular.ts'

/** What of a command line says where tensors come from that were computed elsewhere. */
interface Elsewhere {
  readonly engine?: string
  readonly engineCommand?: string
  readonly enginePage?: string
  readonly answers?: string
  readonly actual?: string
  readonly map?: string
}

/**
 * The folder that `--answers` names, with the names that `--map` gives.
 * @throws ParityError USAGE where they do not go together with what else is said.
 */
export async function chosenAnswers(elsewhere: Elsewhere): Promise<Answers | undefined> {
  const { engine, engineCommand, enginePage, answers, actual, map } = elsewhere
  const others = {
    '--engine': engine,
    '--engine-command': engineCommand,
    '--engine-page': enginePage,
    '--actual': actual,
  }
  for (const [option, other] of Object.entries(others)) {
    if (answers !== undefined && other !== undefined) {
      throw new ParityError('USAGE', `--answers: expected it without ${option}, got both`)
    }
  }
  if (answers !== undefined) return openAnswers(answers, await chosenMap(map), map)
  if (map !== undefined && actual === undefined) {
    throw new ParityError('USAGE', '--map: expected it with tensors that were computed elsewhere, got none')
  }
  return undefined
}

const mostMapBytes = 2 ** 20

/** The rules of a file. */
export async function chosenMap(file: string | undefined): Promise<NameMap | undefined> {
  if (file === undefined) return undefined
  return parseMap(new TextDecoder().decode(await readRegular(file, mostMapBytes)), file)
}
