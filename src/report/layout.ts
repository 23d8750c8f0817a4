import type { Colors } from './text.ts'
import type { Finding, Layout } from '../layout.ts'
import { difference, frameworkOf, lettersOf } from '../layout/conventions.ts'
import { type Found, isNear } from '../layout/matches.ts'
import type { Piece } from '../layout/sources.ts'
import { elementCount, formatShape } from '../format/tensor.ts'
import { logLine } from '../format/errors.ts'

/** A line for each tensor of a port, and what nobody uses. */
export function renderLayout({ findings, conventions, unused }: Layout, colors: Colors): string {
  const width = Math.max(0, ...findings.map(({ name }) => logLine(name).length))
  const lines = findings.map((finding) => {
    const name = logLine(finding.name).padEnd(width)
    const words = logLine(findingWords(finding, conventions.orders))
    const color =
      finding.status === 'matched' ? colors.green : finding.status === 'ambiguous' ? colors.yellow : colors.red
    return `  ${color(finding.status.padEnd(9))} ${name} ${words}`
  })
  const left = unused.length === 0 ? [] : [`nobody uses of the state_dict: ${logLine(unused.join(', '))}`]
  return [...lines, ...left, summaryOf(findings)].join('\n')
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (status: Finding['status']): number => findings.filter((finding) => finding.status === status).length
  const words = (['matched', 'ambiguous', 'at odds', 'unmatched'] as const).map(
    (status) => `${count(status)} ${status}`,
  )
  return `${findings.length} ${findings.length === 1 ? 'tensor' : 'tensors'}: ${words.join(', ')}`
}

/** What is said of one tensor, without its name. */
export function findingWords(finding: Finding, orders: ReadonlyMap<string, string | undefined>): string {
  switch (finding.status) {
    case 'matched':
      return `= ${foundWords(finding.found)}`
    case 'at odds': {
      const count = elementCount(finding.tensor.shape)
      return `= ${foundWords(finding.found)}, ${count} of ${count} numbers, but ${finding.why}`
    }
    case 'ambiguous':
      return ambiguousWords(finding)
    default:
      return unmatchedWords(finding, orders)
  }
}

const mostCandidates = 3

function ambiguousWords({ all, value, tensor }: Finding & { readonly status: 'ambiguous' }): string {
  const words = [...new Set(all.map((found) => foundWords(found)))]
  const more = words.length - mostCandidates
  const listed = words.slice(0, mostCandidates).join(', or ') + (more > 0 ? `, or ${more} more` : '')
  const count = elementCount(tensor.shape)
  const why =
    value === undefined ? '' : ` (${count === 1 ? 'its only number is' : `all its ${count} numbers are`} ${value})`
  return `may be ${listed}${why}: numbers that differ would tell`
}

function unmatchedWords(
  { nearest, nan, tensor }: Finding & { readonly status: 'unmatched' },
  orders: ReadonlyMap<string, string | undefined>,
): string {
  const count = elementCount(tensor.shape)
  if (nearest === undefined) {
    return `no match: nothing of the state_dict, alone, joined or summed, has ${count} numbers, ${formatShape(tensor.shape)}`
  }
  const holds = nan ? ', and it holds NaN, which equals nothing' : ''
  if (!isNear(nearest)) return `no match, nor is anything near it${holds}`
  const { found, equal, apart } = nearest
  const { gates } = found.source.pieces[0]!
  const norm = orders.get(gates.join(' ')) ?? gates.join(' ')
  const off = gates.length > 1 && lettersOf(found) !== norm ? ` ${difference(lettersOf(found), norm)}` : ''
  const misread = found.reading.misread ? ', reshaped instead of transposed' : ''
  const far = equal < count / 2 && apart < 1 ? `, and they differ by ${percent(apart)} of their size` : ''
  return `no match, nearest ${sourceWords(found)}${off}${misread} (${equal} of ${count} numbers equal${far})${holds}`
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`
}

/** `weight_ih_l0 transposed, gates i f g o → i o f g (as ONNX, i o f c)` */
export function foundWords(found: Found): string {
  const { reading, negated, level, source } = found
  const { gates } = source.pieces[0]!
  const parts = [sourceWords(found)]
  if (gates.length > 1) {
    const own = lettersOf(found)
    const framework = frameworkOf(own)
    const arrow = own === gates.join(' ') ? `gates ${own}` : `gates ${gates.join(' ')} → ${own}`
    parts.push(framework === undefined || framework === 'PyTorch' ? arrow : `${arrow} (${framework})`)
  }
  if (reading.interleaved) parts.push('those of a unit side by side')
  if (negated) parts.push('z negated, for 1 − z')
  if (level.words !== undefined) parts.push(level.words)
  return parts.join(', ')
}

function sourceWords({ source: { how, pieces }, reading: { transposed } }: Found): string {
  const names = pieces.map((piece) => pieceWords(piece)).join(how === 'single' ? '' : ' and ')
  const together = { single: '', rows: ' one after the other', columns: ' side by side', stack: ' stacked' }[how]
  return `${names}${together}${transposed ? `${how === 'single' ? '' : ','} transposed` : ''}`
}

function pieceWords({ names, gate, sum }: Piece): string {
  const both = names.join(' + ')
  if (gate !== undefined) return `gate ${gate} of ${both}`
  return sum === 'but n' ? `${both}, but gate n of ${names[0]} alone` : both
}
