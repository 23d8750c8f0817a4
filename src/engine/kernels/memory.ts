// Memory is handed out from one end, and given back all at once. src/engine/machine.ts has made sure that there is enough.

let top: usize = __heap_base

/** Room for so many numbers, from an address that vectors like. What stood there before still does. */
export function take(count: i32): usize {
  const start = top
  top = (start + ((<usize>count) << alignof<Real>()) + 15) & ~15
  return start
}

export function mark(): usize {
  return top
}

/** Gives back all that was taken from there on. */
export function giveBack(to: usize): void {
  top = to
}
