/** The page's style sheet: system fonts, light and dark, from 360 px up. */
export const style = `
:root { color-scheme: light; --bg: #fafaf8; --card: #fff; --text: #1c1d20; --dim: #5d6068; --line: #dcdce0; --accent: #1d5fc4;
  --good: #1a7a43; --bad: #c0241c; --low: #e3f1e6; --high: #f3d26b; --off: #d5382e; --off-low: #f2a49c; --off-text: #fff; --band: #1a7a4322; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { color-scheme: dark; --bg: #15161a; --card: #1d1f24; --text: #e8e8ea;
  --dim: #a2a5ad; --line: #34363d; --accent: #7db0ff; --good: #5fce8c; --bad: #ff8078; --low: #1d3527; --high: #80671a; --off: #c53a31;
  --off-low: #7a2620; --band: #5fce8c26; } }
:root[data-theme=dark] { color-scheme: dark; --bg: #15161a; --card: #1d1f24; --text: #e8e8ea; --dim: #a2a5ad; --line: #34363d;
  --accent: #7db0ff; --good: #5fce8c; --bad: #ff8078; --low: #1d3527; --high: #80671a; --off: #c53a31; --off-low: #7a2620; --band: #5fce8c26; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header, main { max-width: 1320px; margin: 0 auto; padding: 0 16px; }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; padding-top: 16px; }
h1 { font-size: 20px; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 18px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2:focus { outline: none; } h3 { font-size: 14px; margin: 18px 0 6px; color: var(--dim); }
header p { margin: 0; color: var(--dim); flex: 1 1 240px; overflow-wrap: anywhere; }
section { margin: 16px 0; } section > h2 { font-size: 15px; margin-bottom: 8px; }
button, input, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 5px 10px; }
select { max-width: 100%; } button { cursor: pointer; } :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
#tiles { display: flex; flex-wrap: wrap; gap: 8px; list-style: none; padding: 0; margin: 0; }
#tiles button { border-radius: 8px; padding: 6px 14px; color: var(--dim); }
#tiles b { color: var(--text); font-size: 19px; font-variant-numeric: tabular-nums; }
#tiles .match b { color: var(--good); } #tiles .mismatch b { color: var(--bad); }
.groups ol { padding-left: 0; margin: 0; list-style: none; } .groups li + li { margin-top: 6px; } .groups p { margin: 2px 0 2px 12px; overflow-wrap: anywhere; }
.groups button { text-align: left; overflow-wrap: anywhere; max-width: 100%; border-left: 4px solid var(--off); } #against button { border-left-color: var(--line); } #against [data-group=broken], #against [data-group=worse] { border-left-color: var(--off); }
#against [data-group=fixed], #against [data-group=better] { border-left-color: var(--good); }
.groups button[aria-pressed=true] { border-color: var(--text); box-shadow: 0 0 0 1px var(--text); } .groups li li { margin: 0; overflow-wrap: anywhere; }
#errors { color: var(--bad); padding-left: 20px; white-space: pre-wrap; overflow-wrap: anywhere; } #errors:empty { display: none; }
.scroll { overflow-x: auto; max-width: 100%; } .scroll.more { mask-image: linear-gradient(to left, transparent, #000 48px); }
.hint { margin: 2px 0 0; text-align: right; color: var(--dim); font-size: 12px; }
main[aria-busy] { visibility: hidden; }
.copied { display: flex; flex-wrap: wrap; gap: 6px 8px; align-items: start; } .copied pre { flex: 1 1 240px; } .copied p { margin: 0; }
table { border-collapse: collapse; font-size: 13px; } th { text-align: left; font-weight: 600; } thead th { color: var(--dim); }
td, th { padding: 3px 8px; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.matrix td, .matrix th { padding: 1px 2px; border: 0; vertical-align: middle; } .matrix th[scope=row] { position: sticky; left: 0; background: var(--bg); padding-right: 8px; }
.matrix button { width: 100%; min-width: 74px; padding: 3px 6px; border-color: transparent; line-height: 1.2; text-align: center; }
.matrix button[aria-pressed=true] { border-color: var(--text); box-shadow: 0 0 0 1px var(--text); }
.matrix .used { display: block; font-variant-numeric: tabular-nums; } .matrix .count { font-size: 11px; }
.matrix .apart { display: block; font-size: 11px; font-weight: 600; }
.matrix .empty { text-align: center; color: var(--dim); }
.matrix .under { background: color-mix(in oklab, var(--high) calc(var(--level) * 100%), var(--low)); }
.matrix .over { background: var(--off); color: var(--off-text); font-weight: 600; }
#reveals { max-height: 80vh; overflow: auto; } #reveals thead th { position: sticky; top: 0; background: var(--bg); z-index: 1; } #reveals th[scope=row] { max-width: 46vw; overflow: hidden; text-overflow: ellipsis; font-weight: 400; }
#reveals .share { text-align: center; font-variant-numeric: tabular-nums; padding: 2px 6px; border-radius: 4px; } #reveals .status { color: var(--dim); } #reveals .file { font-weight: 400; }
.bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; } #search { flex: 1 1 220px; min-width: 0; } #count { color: var(--dim); }
#cases { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; align-items: start; }
#list { list-style: none; padding: 0; margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
#list:empty { display: none; } #list li { content-visibility: auto; contain-intrinsic-size: auto 50px; } #list li + li { border-top: 1px solid var(--line); }
.case { display: grid; grid-template-columns: 18px minmax(0, 1fr) auto; gap: 0 8px; width: 100%; border: 0; border-radius: 0; text-align: left; }
div.case { padding: 5px 10px; } #groups { margin-bottom: 10px; } .case:hover, .case[aria-current=true] { background: color-mix(in oklab, var(--accent) 12%, var(--card)); } .case:focus-visible { outline-offset: -2px; }
.case .id { overflow-wrap: anywhere; } .case .file { grid-column: 2 / -1; color: var(--dim); font-size: 12px; overflow-wrap: anywhere; }
.match .sign, .badge.match { color: var(--good); } .mismatch .sign, .error .sign, .badge.error, .badge.mismatch, tr.mismatch th, .case.mismatch .number { color: var(--bad); }
#most { margin-top: 6px; } .badge { font-weight: 600; } .meta { color: var(--dim); margin: 0 0 6px; overflow-wrap: anywhere; }
#panel { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; min-width: 0; } #close { float: right; margin-left: 8px; }
.traits { display: flex; flex-wrap: wrap; gap: 4px; list-style: none; padding: 0; margin: 0; font-size: 12px; }
.traits li { border: 1px solid var(--line); border-radius: 99px; padding: 0 8px; }
#detail ul:not(.traits) { margin: 0; padding-left: 20px; overflow-wrap: anywhere; } .advice { margin: 2px 0; } .term { color: var(--dim); }
pre { background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 8px 10px; margin: 0; font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0 12px; margin: 0; font-size: 13px; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 18px 0 0; } figcaption { color: var(--dim); font-size: 13px; margin-bottom: 4px; } svg { display: block; width: 100%; max-width: 720px; height: auto; }
svg text { fill: var(--dim); font-size: 11px; } .grid { stroke: var(--line); } .band { fill: var(--band); } polyline { fill: none; stroke-width: 1.5; }
.limit { stroke: var(--good); stroke-dasharray: 4 3; } .error { stroke: var(--accent); } circle.under { fill: var(--accent); } circle.over { fill: var(--off); }
rect.under { fill: color-mix(in oklab, var(--high) calc(var(--level) * 100%), var(--low)); }
rect.over { fill: color-mix(in oklab, var(--off) calc(var(--level) * 100%), var(--off-low)); }
rect.unseen { fill: none; stroke: var(--line); } rect.first { fill: none; stroke: var(--text); stroke-width: 2.5; } rect.mark { fill: none; stroke: var(--text); stroke-width: 1.5; pointer-events: none; }
.readout { margin: 2px 0 0; font-size: 13px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; } figure select { margin-bottom: 6px; }
.edge { fill: none; stroke: var(--dim); opacity: .6; } .node rect { fill: var(--card); stroke: var(--line); } .node.match rect { fill: var(--low); } .node.mismatch rect { fill: var(--off-low); }
.node.unseen rect, .node.input rect { stroke-dasharray: 4 3; } .node.lit rect { fill: var(--off); stroke: var(--text); stroke-width: 2.5; } .node text { fill: var(--text); font-size: 12px; } .node.lit text { fill: var(--off-text); font-weight: 600; }
footer { color: var(--dim); font-size: 13px; } kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; font: 12px ui-monospace, monospace; }
summary { cursor: pointer; }
@media (min-width: 901px) { .opened #cases { grid-template-columns: minmax(280px, 2fr) minmax(0, 3fr); }
  .opened #panel { position: sticky; top: 8px; max-height: calc(100vh - 16px); overflow-y: auto; } }
@media (max-width: 900px) { .opened #left { display: none; } header, main { padding-left: 10px; padding-right: 10px; } }
`
