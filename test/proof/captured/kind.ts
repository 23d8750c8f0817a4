import type { Draft } from './draft.ts'

/** Changes an operation; false where there is nothing to change. */
export interface Kind {
  readonly name: string
  readonly ops: readonly string[]
  readonly change: (draft: Draft, node: string) => boolean
}
