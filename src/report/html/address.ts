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

export interface Address<V> {
  readonly read: () => V
  /** isStep: whether going back leads to what was before. */
  readonly write: (view: V, isStep: boolean) => void
}

/** The view as what stands behind # in the address, without what is as it is at first. Its source goes into the page. */
export function address<V extends { readonly [K in keyof V]: string }>(first: V): Address<V> {
  function read(): V {
    const given = new URLSearchParams(location.hash.slice(1))
    const entries = Object.entries<string>(first).map(([name, value]) => [name, given.get(name) ?? value])
    return Object.fromEntries(entries) as V
  }

  function write(view: V, isStep: boolean): void {
    const differing = Object.entries<string>(view).filter(([name, value]) => value !== first[name as keyof V])
    const hash = new URLSearchParams(differing).toString()
    if (hash === new URLSearchParams(location.hash.slice(1)).toString()) return
    const url = `${location.href.split('#')[0]}${hash === '' ? '' : `#${hash}`}`
    if (isStep) history.pushState(null, '', url)
    else history.replaceState(null, '', url)
  }

  return { read, write }
}
