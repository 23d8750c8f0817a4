// Memory is handed out from one end and given back all at once: a run needs no more than that.

let top: usize = __heap_base

/** Room for so many numbers, from an address that vectors like. What stood there before still does. */
export function take(count: i32): usize {
  const start = top
  top = (start + ((<usize>count) << alignof<Real>()) + 15) & ~15
  // So long as 2³² is not reached, which the caller of a run has seen to.
  const missing = <i32>((top + 0xffff) >> 16) - memory.size()
  if (missing > 0 && memory.grow(max(missing, memory.size() >> 1)) < 0 && memory.grow(missing) < 0) unreachable()
  return start
}

/** What is taken from now on is given back by `giveBack`. */
export function mark(): usize {
  return top
}

export function giveBack(to: usize): void {
  top = to
}
