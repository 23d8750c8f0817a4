/** Of an EncoderDecoder: whether its context is a sum over the encoder's states, weighted anew at each step. */
export function isAttention(context: string): boolean {
  return context === 'additive' || context === 'dot'
}
