/// <reference lib="dom" />
import type { Elements } from './elements.ts'

export type Copying = ReturnType<typeof copying>

/** Text with a button that copies it. Its source goes into the page. */
export function copying({ html }: Elements) {
  async function copy(text: string, shown: HTMLElement): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      // Not every browser lets a page from disk do that: what is selected can be copied by hand.
      getSelection()?.selectAllChildren(shown)
      return false
    }
  }

  function copied(text: string): HTMLElement {
    const shown = html('pre', {}, text)
    const said = html('span', { role: 'status' })
    const button = html('button', { type: 'button', class: 'copy' }, 'Copy')
    button.addEventListener('click', () => {
      void copy(text, shown).then((done) => {
        said.textContent = done ? 'copied' : 'selected: copy it with the keyboard'
      })
    })
    return html('div', { class: 'copied' }, shown, html('p', {}, button, ' ', said))
  }

  return { copied }
}
