// The names by which edits are known that many ports have. Source: public issues of ports; FACTS and DESIGN name most of them.
import type { Edit } from './edit.ts'
import { faults } from './faults.ts'
import { ruleNameOf } from './words.ts'

/** Those that are said by one edit everywhere, by the name that it has by rule. */
const ofFaults = faults.flatMap(({ name, ways, equivalent }) =>
  ways.flatMap(([edit, ...more]): [string, string][] =>
    edit === undefined || edit.scope !== undefined || more.length > 0 || equivalent !== undefined
      ? []
      : [[ruleNameOf(edit), name]],
  ),
)

/** By the name that an edit has by rule: the known faults, and what comes to the same in some requests. */
const names: Readonly<Record<string, string>> = {
  ...Object.fromEntries(ofFaults),
  'layout weight_hh stored by columns': 'weight_hh transposed',
  'layout weight_hh gates stored by columns': 'weight_hh transposed',
  'layout weight_hh gates transposed where square': 'weight_hh transposed',
  'layout weight_ih gates transposed where square': 'weight_ih transposed',
  'layout weight_ih transposed where square': 'weight_ih transposed',
  'layout weight_ih stored by columns': 'weight_ih misread',
  'layout weight_ih gates stored by columns': 'weight_ih misread',
  'layout weight_hr gates stored by columns': 'weight_hr transposed',
  'layout weight_hr gates transposed where square': 'weight_hr transposed',
  'zero bias_ih': 'bias_ih dropped',
  'zero bias_hh': 'bias_hh dropped',
  'scale bias_ih 2': 'bias_ih added twice',
  'scale bias_hh 2': 'bias_hh added twice',
  'exchange {"names":"biases","how":"both"}': 'biases of a GRU swapped',
  'exchange {"names":"parts","how":"both"}': 'encoder and decoder weights exchanged',
  'zero weight_hh': 'no recurrence',
  'sibling {"of":"forward","tensors":["weight_ih","weight_hh","bias_ih","bias_hh","weight_hr"]}':
    'reverse with forward weights',
  'round weights float16': 'weights in float16',
  'round weights bfloat16': 'weights in bfloat16',
  'option config.nonlinearity the other': 'relu for tanh, tanh for relu',
  'another tanh identity': 'no nonlinearity',
  'another relu identity': 'no nonlinearity',
  'another tanh Padé tanh': 'crude tanh',
  'another sigmoid hard sigmoid 0.2': 'hard sigmoid',
  'increase f bias_ih 1': 'forget bias + 1',
  'increase f bias_hh 1': 'forget bias + 1',
  'another cell identity': 'no tanh on c',
  'zero c_0': 'c_0 ignored',
  'zero h_0': 'h_0 ignored',
  'zero initial states': 'h_0 ignored',
  'other initial states the first': 'h_0 of layer 0 for all layers',
  'other h_0 the first': 'h_0 of layer 0 for all layers',
  'swapped {"h_0":"c_0","c_0":"h_0"}': 'h_0 and c_0 exchanged',
  'swapped {"h_n":"c_n","c_n":"h_n"}': 'h_n and c_n exchanged',
  'swapped {"h_1":"c_1","c_1":"h_1"}': 'h_n and c_n exchanged',
  'direction forward': 'reverse not reversed',
  'padding runs through': 'lengths ignored',
  'ignored lengths': 'lengths ignored',
  'padding padded end': 'h_n from the padded end',
  'padding last state': 'padding not zeroed',
  'axes input again': 'batch_first ignored',
  'axes input zero': 'batch_first ignored',
  'ignored dropout_mask': 'dropout ignored in training mode',
  carriedRows: 'state carried between rows',
  'training accumulated': 'gradients not zeroed between steps',
  'option training.momentum 0': 'momentum ignored',
  'option training.nesterov false': 'nesterov ignored',
  'option training.weight_decay 0': 'weight_decay ignored',
  'truncated 4': 'gradient truncated after 4 steps',
  'part the last step': 'gradient not accumulated over time',
  'zero grad_bias_hh': 'bias gradient counted once',
  'scale gradients by parameters 1 / batch': 'gradient averaged over the batch',
  'zero h_n cotangent': 'cotangent of h_n ignored',
  'zero c_n cotangent': 'cotangent of c_n ignored',
}

/** Short, and the same for the same edit: the name by which it is known, or one by rule. */
export function nameOf(edit: Edit): string {
  const { scope } = edit
  const rule = ruleNameOf(edit)
  const known = names[rule] ?? knownByKind(edit) ?? rule
  const place = Object.values(scope ?? {})
  return place.length === 0 ? known : `${known}, ${place.join(', ')}`
}

/** Whether an edit is one that is known by a name, everywhere. */
export function isKnown(edit: Edit): boolean {
  return edit.scope === undefined && ruleNameOf(edit) in names
}

function knownByKind({ operator, value }: Edit): string | undefined {
  if (operator === 'gates') {
    const { order, tensors } = value as { order: string; tensors: readonly string[] }
    const where = tensors.length === 4 ? '' : ` in ${tensors.join(' and ')} alone`
    return `gates in the order ${Array.from(order).join(' ')}${where}`
  }
  if (operator !== 'element') return undefined
  const [name, , part] = value as [string, number, number]
  const isOnePercent = name.includes('weight_hh') && Math.abs(Math.abs(part) - 0.01) < 0.005
  return isOnePercent ? 'one weight_hh 1 % off' : `one element of ${name} off`
}
