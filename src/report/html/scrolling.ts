/// <reference lib="dom" />
import type { Elements } from './elements.ts'

export type Scrolling = ReturnType<typeof scrolling>

/** What is wider than its place says so, and only then takes the focus. Its source goes into pages. */
export function scrolling({ html }: Elements) {
  function cue(region: HTMLElement): void {
    const hint = html('p', { class: 'hint', 'aria-hidden': 'true' }, 'more to the right: scroll →')
    region.after(hint)
    const look = (): void => {
      const rest = region.scrollWidth - region.clientWidth
      const isWide = rest > 1
      region.classList.toggle('more', isWide && region.scrollLeft < rest - 1)
      hint.hidden = !isWide
      if (isWide || region.scrollHeight > region.clientHeight + 1) region.tabIndex = 0
      else region.removeAttribute('tabindex')
    }
    region.addEventListener('scroll', look, { passive: true })
    const watcher = new ResizeObserver(look)
    watcher.observe(region)
    const content = new MutationObserver(look)
    content.observe(region, { childList: true, subtree: true })
    look()
  }

  return { cue }
}
