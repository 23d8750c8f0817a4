import type { Case } from '../format/case.ts'

/** A case in which explanations are compared, and what it is called. */
export interface Other {
  readonly other: Case
  readonly text: string
  /** Whether it is asked whatever is said of it. */
  readonly isFirst: boolean
}
