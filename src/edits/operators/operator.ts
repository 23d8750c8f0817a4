import type { Outputs, Request } from '../../format/case.ts'
import type { Program } from '../../program/operation.ts'
import type { Context } from '../context.ts'
import type { Edit } from '../edit.ts'

/** One kind of being other than PyTorch. */
export interface Operator {
  /** The edits of this kind that something in a request admits, the likelier first. */
  candidates(context: Context): Iterable<Edit>
  /** What a port asks itself that has it; where it is in how a request is read. */
  ask?(edit: Edit, request: Request): Request | undefined
  /** The program of a port that has it; undefined where there is nothing to be changed. */
  edit?(edit: Edit, context: Context, program: Program): Program | undefined
  /** How such a port is asked, where it is asked more than once or put together otherwise. run: what it is but for that. */
  around?(edit: Edit, run: (request: Request) => Outputs): ((request: Request) => Outputs) | undefined
  /** What such a port does: `reads weight_hh transposed`. name: of what the edit is about. */
  says(edit: Edit, name: string): string
}
