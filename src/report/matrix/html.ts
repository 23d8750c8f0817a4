import { headOf, inScript } from '../html/document.ts'
import { elements } from '../html/elements.ts'
import { engines } from '../html/engines.ts'
import { toJSON } from '../json.ts'
import type { Matrix } from '../matrix.ts'

const script = `(${String(engines)})((${String(elements)})())`

const options = (...names: readonly string[]): string =>
  names.map((name) => `<option value="${name.split(' ')[0]}">${name}</option>`).join('')

/** A matrix as one page that needs nothing else: engines × modules, of one trait or of all, and the cases of a cell. */
export function* renderMatrixPage(matrix: Matrix): Iterable<string> {
  const { cases, rows, ...rest } = matrix
  yield `${headOf(script)}
<body>
<header><h1>torch-parity: engines beside PyTorch</h1><p>${cases.length} cases. A cell is how many of the cases that an engine supports match, and the largest share of the allowed error in a match of ordinary numbers; it opens its cases.</p><button type="button" id="theme">Light / dark</button></header>
<main>
<section aria-label="what is counted"><div class="bar">
<select id="trait" aria-label="trait"><option value="any">any trait</option></select>
<select id="values" aria-label="values">${options('all values', 'ordinary values', 'special values: NaN, infinities, subnormal, all tiny')}</select>
</div></section>
<section aria-label="engines by modules"><div id="matrix" class="scroll" tabindex="0" role="region" aria-label="engines by modules"></div><ul id="errors"></ul></section>
<section aria-labelledby="chosen" id="cases" hidden><div id="left">
<h2 id="chosen"></h2><p class="meta" id="speed"></p><ul id="groups"></ul>
<div class="bar"><select id="outcome" aria-label="outcome">${options('all outcomes', 'mismatch', 'failed', 'undecided', 'match', 'unsupported')}</select></div>
<p id="count" role="status"></p>
<ul id="list" aria-label="cases"></ul>
<button type="button" id="more" hidden>Show more</button>
</div></section>
</main>
<script type="application/json" id="data">${inScript(toJSON(rest)).slice(0, -1)},"cases":[`
  for (const [i, each] of cases.entries()) yield `${i === 0 ? '' : ','}\n${inScript(toJSON(each))}`
  yield '],"rows":['
  for (const [i, each] of rows.entries()) yield `${i === 0 ? '' : ','}\n${inScript(toJSON(each))}`
  yield `]}</script>
<script>${script}</script>
</body>
</html>
`
}
