/// <reference lib="dom" />
import type { Results } from '../results.ts'
import type { Elements } from './elements.ts'

type Audit = NonNullable<Results['audit']>
type Fault = Audit['faults'][number]

/** One folder of files, or one file: a column of the table. */
interface Column {
  readonly title: string
  readonly folder: string
  readonly files: readonly number[]
}

export type AuditTable = ReturnType<typeof auditTable>

/** Faults × files: in how many of the cases that a fault is about it is revealed. Its source goes into the page. */
export function auditTable({ html, byId }: Elements) {
  function folderOf(file: string): string {
    return file.split('/').slice(0, -1).join('/')
  }

  function columnsOf({ files }: Audit, opened: string | undefined): Column[] {
    const folders = [...new Set(files.map(folderOf))]
    return folders.flatMap((folder) => {
      const own = files.flatMap((file, i) => (folderOf(file) === folder ? [i] : []))
      const title = folder.split('/').at(-1) ?? folder
      const whole = { title: title === '' ? 'files' : title, folder, files: own }
      if (folder !== opened) return [whole]
      return [whole, ...own.map((i) => ({ title: files[i]!.split('/').at(-1)!, folder, files: [i] }))]
    })
  }

  function sum(counts: readonly number[], files: readonly number[]): number {
    return files.reduce((all, i) => all + (counts[i] ?? 0), 0)
  }

  function cell({ applicable, revealed, status }: Fault, files: readonly number[]): HTMLElement {
    const [of, seen] = [sum(applicable, files), sum(revealed, files)]
    if (of === 0) return html('td', { class: 'empty' }, '·')
    const kind = status === 'equivalent' ? 'none' : seen === 0 ? 'over' : 'under'
    const attributes = { class: `share ${kind}`, style: `--level: ${1 - seen / of}` }
    return html('td', attributes, `${kind === 'over' ? '✗ ' : ''}${seen}/${of}`)
  }

  function table(audit: Audit, opened: string | undefined, toggle: (folder: string) => void): HTMLElement {
    const columns = columnsOf(audit, opened)
    const heads = columns.map(({ title, folder, files }, i) => {
      const isFolder = i === columns.findIndex((column) => column.folder === folder)
      if (!isFolder) return html('th', { scope: 'col', class: 'file' }, title)
      const attributes = { type: 'button', 'aria-expanded': String(folder === opened) }
      const button = html('button', attributes, `${folder === opened ? '▾' : '▸'} ${title} (${files.length})`)
      button.addEventListener('click', () => toggle(folder))
      return html('th', { scope: 'col' }, button)
    })
    const every = audit.files.map((_, i) => i)
    const rows = audit.faults.map((fault) => {
      const name = html('th', { scope: 'row', title: `a port that ${fault.sentence}` }, fault.name)
      const whole = cell(fault, every)
      const cells = columns.map(({ files }) => cell(fault, files))
      return html('tr', {}, name, html('td', { class: 'status' }, fault.status), whole, ...cells)
    })
    const first = [html('th', { scope: 'col' }, 'fault'), html('th', {}, 'status'), html('th', {}, 'all')]
    return html(
      'table',
      { class: 'matrix' },
      html('thead', {}, html('tr', {}, ...first, ...heads)),
      html('tbody', {}, ...rows),
    )
  }

  /** into: what the table stands in; it is drawn anew when a folder is opened or closed. */
  function draw(audit: Audit, into: HTMLElement): void {
    let opened: string | undefined
    const show = (): void => into.replaceChildren(table(audit, opened, toggle))
    function toggle(folder: string): void {
      opened = opened === folder ? undefined : folder
      show()
      into.querySelector<HTMLElement>(opened === undefined ? 'button' : '[aria-expanded="true"]')?.focus()
    }
    show()
  }

  function show(audit: Audit | undefined): void {
    if (audit === undefined) return
    const count = (status: string): number => audit.faults.filter((fault) => fault.status === status).length
    const statuses = ['seen', 'equivalent', 'unseen', 'inapplicable', 'not equivalent'].filter(
      (status) => count(status) > 0,
    )
    const counts = statuses.map((status) => `${count(status)} ${status}`).join(', ')
    byId('faults').textContent = `${audit.faults.length} faults, ${audit.files.length} files: ${counts}`
    byId('audit').hidden = false
    draw(audit, byId('reveals'))
  }

  return { show }
}
