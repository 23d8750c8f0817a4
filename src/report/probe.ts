import { oneLine } from '../format/errors.ts'
import type { Experiment, Probed } from '../probe.ts'
import { isAboutCalls, ruleText, says } from '../probe/rule.ts'
import { renderSpec } from '../oracle/fuzz/words.ts'
import { type Colors, noColors, plural, renderConduct } from './text.ts'

const mostExamples = 3
/** A rule that leaves out fewer that are right says nothing: what is too small to be seen may be left out by chance. */
const leastOutside = 5

/** What experiments have shown of an engine, as lines. */
export function renderProbed(name: string, probed: Probed, seconds: number, colors: Colors = noColors): string {
  const { experiments, conduct, smallestWrong, largestRight } = probed
  const count = (outcome: Experiment['outcome']): number => experiments.filter((own) => own.outcome === outcome).length
  const some = (['failed', 'undecided', 'unsupported'] as const).flatMap((outcome) => {
    return count(outcome) === 0 ? [] : [`${count(outcome)} ${outcome}`]
  })
  const wrong = count('wrong') === 0 ? '0 wrong' : colors.red(`${count('wrong')} wrong`)
  const counts = [colors.green(`${count('right')} right`), wrong, ...some].join(', ')
  const lines = [`${name}: ${plural(experiments.length, 'experiment')} in ${seconds.toFixed(1)} s: ${counts}`]
  lines.push(...whenOf(probed, colors).map((line) => `  ${line}`))
  if (smallestWrong === undefined) lines.push(`  ${askedText(experiments)}`)
  const failed = experiments.find(({ error }) => error !== undefined)
  if (failed?.error !== undefined) lines.push(`  ${colors.red('failed')} ${oneLine(failed.error.message)}`)
  if (smallestWrong !== undefined)
    lines.push(
      `  smallest that ${smallestWrong.outcome === 'wrong' ? 'is wrong' : 'fails'}: ${colors.bold(renderSpec(smallestWrong.spec))}`,
    )
  if (smallestWrong !== undefined && largestRight !== undefined) {
    lines.push(`  largest that is right: ${renderSpec(largestRight.spec)}`)
  }
  if (conduct.length > 0) lines.push(renderConduct(name, conduct, colors))
  return lines.join('\n')
}

/** How far it was asked: what is larger is not known. */
function askedText(experiments: readonly Experiment[]): string {
  const most = (of: (spec: Experiment['spec']) => number): number =>
    Math.max(0, ...experiments.map(({ spec }) => of(spec)))
  const sizes = [
    `input_size up to ${most(({ input_size }) => input_size)}`,
    `hidden_size up to ${most(({ hidden_size }) => hidden_size)}`,
    `both up to ${most(({ input_size, hidden_size }) => Math.min(input_size, hidden_size))}`,
    `seq_len up to ${most(({ seq_len = 1 }) => seq_len)}`,
    `batch up to ${most(({ batch }) => batch ?? 1)}`,
    `num_layers up to ${most(({ options }) => options?.num_layers ?? 1)}`,
  ]
  return `asked: ${sizes.join(', ')}; of what is larger this says nothing`
}

/** When it is wrong, and where then; when it fails; nothing where it is always right. */
export function whenOf(probed: Probed, colors: Colors = noColors): string[] {
  const { experiments, learnt, failing, places } = probed
  const by = (...outcomes: readonly Experiment['outcome'][]): Experiment[] =>
    experiments.filter(({ outcome }) => outcomes.includes(outcome))
  const [wrong, failed, right] = [by('wrong'), by('failed'), by('right')]
  const other = wrong.filter(({ isRepeatable }) => isRepeatable === false).length
  const again = `${other} of ${wrong.length} that were wrong got another answer when asked again at once`
  const isOfCalls = learnt !== undefined && isTelling(learnt) && isAboutCalls(learnt)
  const isAtRandom = other > wrong.length / 2 && !isOfCalls
  const random = `${colors.bold('when')}: at random: wrong in ${wrong.length} of ${wrong.length + right.length}`
  const lines = [
    ...(isAtRandom ? [random] : ruleLines('wrong', learnt, wrong, right, colors)),
    ...(other > 0 ? [`  ${again}`] : []),
    ...ruleLines('fails', failing, failed, by('right', 'wrong'), colors),
  ]
  return [...lines, ...places.map((place) => `${colors.bold('where')}: ${place}`)]
}

function ruleLines(
  what: string,
  learnt: Probed['learnt'],
  off: readonly Experiment[],
  others: readonly Experiment[],
  colors: Colors,
): string[] {
  if (off.length === 0) return []
  const when = colors.bold('when')
  const judged = off.length + others.length
  if (others.length === 0)
    return [`${when}: ${what} in all ${judged}: this is not about when, and \`torch-parity explain\` says what`]
  if (learnt === undefined || !isTelling(learnt))
    return [`${when}: ${what} in ${off.length} of ${judged}: no condition was found`]
  const { rule, wrongInside, rightInside, wrongOutside, rightOutside } = learnt
  const exactly = wrongOutside > 0 ? 'mostly' : rightInside > 0 ? 'only' : 'exactly'
  const counts = `${wrongInside} of ${wrongInside + rightInside} such, ${wrongOutside} of ${wrongOutside + rightOutside} others`
  const examples = (title: string, own: readonly Experiment[]): string[] => {
    if (own.length === 0) return []
    const shown = own.slice(0, mostExamples).map(({ spec }) => renderSpec(spec))
    return [`  ${title}: ${shown.join('; ')}${own.length > shown.length ? '; …' : ''}`]
  }
  return [
    `${when}: ${what} ${exactly} where ${ruleText(rule)}: ${counts}`,
    ...examples(
      'and also',
      off.filter(({ facts }) => !says(rule, facts)),
    ),
    ...examples(
      'but not',
      others.filter(({ facts }) => says(rule, facts)),
    ),
  ]
}

/** A rule is said where most that it names is wrong, and most that is wrong is named by it. */
function isTelling({ wrongInside, rightInside, wrongOutside, rightOutside }: NonNullable<Probed['learnt']>): boolean {
  const named = wrongInside / Math.max(1, wrongInside + rightInside)
  const others = wrongOutside / Math.max(1, wrongOutside + rightOutside)
  return named >= 0.75 && others <= 0.1 && wrongInside >= 4 * wrongOutside && rightOutside >= leastOutside
}
