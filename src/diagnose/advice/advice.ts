/** What to change in a port that has a fault, and which part of torch's documentation says so. */
export interface Advice {
  /** As one would look it up; of models that torch does not have, the part of ours. */
  readonly term: string
  readonly change: string
}
