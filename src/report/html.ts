import { address } from './html/address.ts'
import { auditTable } from './html/audit.ts'
import { charts } from './html/charts.ts'
import { itemsOf } from './html/columns.ts'
import { copying } from './html/copying.ts'
import { caseDetail } from './html/detail.ts'
import { booted, headOf, late } from './html/document.ts'
import { drawing } from './html/drawing.ts'
import { elements } from './html/elements.ts'
import { groups } from './html/groups.ts'
import { heat } from './html/heat.ts'
import { caseList } from './html/list.ts'
import { matrix } from './html/matrix.ts'
import { packed } from './html/packed.ts'
import { page } from './html/page.ts'
import { scrolling } from './html/scrolling.ts'
import { contentOf } from './html/shown.ts'
import { times } from './times.ts'
import type { Results } from './results.ts'

/** The functions that fill the page, as their own source: each uses nothing but what it is given. */
const script = booted(`
const elements = (${String(elements)})(${String(times)})
const matrix = (${String(matrix)})(elements)
const groups = (${String(groups)})(elements)
const heat = (${String(heat)})(elements)
const pieces = {
elements, matrix, groups,
detail: (${String(caseDetail)})(elements, {
charts: (${String(charts)})(elements), heat, drawing: (${String(drawing)})(elements, heat), ...(${String(copying)})(elements),
}),
audit: (${String(auditTable)})(elements),
list: (${String(caseList)})(elements, matrix, groups),
scrolling: (${String(scrolling)})(elements),
addressOf: ${String(address)},
}
;(${String(page)})(pieces, content, (${String(itemsOf)})(content.columns))`)

/** Results as one page that needs nothing else: it opens from disk, and asks no network. before: other results, to compare with. */
export function* renderHtml(results: Results, before?: Results): Iterable<string> {
  yield `${headOf(script)}
<body>
<header><h1>torch-parity: <span id="engine"></span></h1><p id="how">${late}</p><button type="button" id="theme">Light / dark</button></header>
<main aria-busy="true">
<section aria-label="summary"><ul id="tiles"></ul><p id="most" class="meta"></p></section>
<section aria-labelledby="than" id="against" class="groups" hidden><h2 id="than">Compared with <span id="other"></span></h2><p id="same" hidden>Every case came to the same.</p><ol></ol></section>
<section aria-labelledby="why" id="causes" class="groups" hidden><h2 id="why">What the mismatches come from</h2><ol></ol></section>
<section aria-labelledby="what" id="failures" class="groups" hidden><h2 id="what">What could not be judged</h2><ol></ol></section>
<section aria-labelledby="by"><h2 id="by">Largest share of the allowed error, by module and trait</h2>
<div id="matrix" class="scroll" role="region" aria-labelledby="by"></div></section>
<section aria-label="cases" id="cases">
<div id="left">
<div class="bar" role="search">
<input type="search" id="search" placeholder="Search ids, files, traits ( / )" aria-label="search cases">
<select id="outcome" aria-label="outcome"><option value="all">all outcomes</option><option value="match">match</option><option value="mismatch">mismatch</option><option value="undecided">undecided</option><option value="unsupported">unsupported</option><option value="error">error</option></select>
<select id="order" aria-label="order"><option value="file">in order of files</option><option value="share">worst first</option></select>
<button type="button" id="clear" hidden>Clear</button>
</div>
<p id="count" role="status"></p>
<ul id="list" aria-label="cases"></ul>
<button type="button" id="more" hidden>Show more</button>
</div>
<article id="panel" aria-label="case" hidden><button type="button" id="close">Close (Esc)</button><div id="detail"></div></article>
</section>
<details id="audit" hidden><summary>Which file reveals which fault: <span id="faults"></span></summary>
<p>In how many of the cases that a fault is about a port with it would be found out. A folder opens into its files.</p>
<div id="reveals" class="scroll" role="region" aria-label="faults by files"></div></details>
<details id="recorded"><summary>Where the cases come from</summary>
<div class="scroll" role="region" aria-label="provenance"><table><thead><tr><th scope="col">file</th><th scope="col">suite</th><th scope="col">cases</th><th scope="col">seed</th><th scope="col">recorded by</th></tr></thead><tbody id="provenance"></tbody></table></div></details>
<footer><p><kbd>/</kbd> search · <kbd>↑</kbd> <kbd>↓</kbd> move · <kbd>Enter</kbd> open · <kbd>Esc</kbd> close, then clear</p></footer>
</main>
<script type="application/octet-stream" id="data">`
  yield packed(contentOf(results, before))
  yield `</script>
<script>${script}</script>
</body>
</html>
`
}
