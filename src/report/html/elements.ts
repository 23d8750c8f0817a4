/// <reference lib="dom" />

/** What an element is given: properties by name, `class`, `role`, `aria-…` and `data-…` as attributes, `on` for its click. */
type Attributes = Readonly<Record<string, string | number | boolean>>
type Child = Node | string

export type Elements = ReturnType<typeof elements>

/** Makes elements out of text that is not ours: as text nodes and attributes, never as markup. Its source goes into the page. */
export function elements(times: (ratio: number) => string) {
  const svgNamespace = 'http://www.w3.org/2000/svg'

  function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== false) element.setAttribute(name, value === true ? '' : String(value))
    }
    element.append(...children)
    return element
  }

  function html<K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes: Attributes = {},
    ...children: Child[]
  ): HTMLElementTagNameMap[K] {
    return fill(document.createElement(tag), attributes, children)
  }

  function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
    return fill(document.createElementNS(svgNamespace, tag), attributes, children)
  }

  function byId(id: string): HTMLElement {
    const found = document.querySelector<HTMLElement>(`#${id}`)
    if (found === null) throw new Error(`expected an element ${id}, got none`)
    return found
  }

  function percent(share: number): string {
    if (share === Infinity) return 'no limit'
    if (Number.isNaN(share)) return 'NaN'
    if (share > 10) return times(share)
    return share < 1e-3 && share > 0 ? '< 0.1 %' : `${(100 * share).toFixed(1)} %`
  }

  function scientific(size: number): string {
    if (!Number.isFinite(size)) return String(size)
    return size === 0 ? '0' : size.toExponential(1)
  }

  function toggleTheme(): void {
    const root = document.documentElement
    const dark = root.dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
    root.dataset['theme'] = dark === 'dark' ? 'light' : 'dark'
  }

  return { html, svg, byId, percent, scientific, times, toggleTheme }
}
