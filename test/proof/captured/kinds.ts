// The bugs that ports of whole models have, as changes of a captured program.
import { baseOf } from '../../../src/program/exported.ts'
import { convolutions } from './convolutions.ts'
import { norms } from './norms.ts'
import { others } from './others.ts'
import type { Kind } from './kind.ts'
import { recurrent } from './recurrent.ts'

export const kinds: readonly Kind[] = [...convolutions, ...norms, ...recurrent, ...others]

export function kindsFor(op: string): readonly Kind[] {
  return kinds.filter(({ ops }) => ops.includes(baseOf(op)))
}
