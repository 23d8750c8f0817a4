/// <reference lib="dom" />

/** What is looked at: which cases, in which order, and the one that is open. All of it stands in the address of the page. */
export interface View {
  readonly text: string
  readonly outcome: string
  readonly order: string
  readonly module: string
  readonly trait: string
  readonly group: string
  readonly open: string
}

export type Address = ReturnType<typeof address>

/** The view as what stands behind # in the address, without what is as it is at first. Its source goes into the page. */
export function address(first: View) {
  function read(): View {
    const given = new URLSearchParams(location.hash.slice(1))
    const entries = Object.entries(first).map(([name, value]) => [name, given.get(name) ?? (value as string)])
    return Object.fromEntries(entries) as View
  }

  /** isStep: whether going back leads to what was before. */
  function write(view: View, isStep: boolean): void {
    const differing = Object.entries(view).filter(([name, value]) => value !== first[name as keyof View])
    const hash = new URLSearchParams(differing as [string, string][]).toString()
    if (hash === new URLSearchParams(location.hash.slice(1)).toString()) return
    const url = `${location.href.split('#')[0]}${hash === '' ? '' : `#${hash}`}`
    if (isStep) history.pushState(null, '', url)
    else history.replaceState(null, '', url)
  }

  return { read, write }
}
