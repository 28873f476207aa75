# Copyright (c) semipose_mm authors.
"""How the page looks: on a screen, light and dark, and on paper."""

_LIGHT = """
  --page: #fff; --ink: #1c2128; --dim: #57606a; --rule: #d5dae0;
  --soft: #f5f7f9; --link: #0b5cad; --bar: #9cc3ea;
  --c0: #0b62b0; --c1: #c2410c; --c2: #0f766e;
  --c3: #7e22ce; --c4: #8a6100; --c5: #be185d;"""
_DARK = """
  --page: #14181d; --ink: #e4e8ec; --dim: #a3adb8; --rule: #3a434d;
  --soft: #1d232a; --link: #7db7f5; --bar: #2f5f92;
  --c0: #6cb4f5; --c1: #fb923c; --c2: #4fd1c5;
  --c3: #c49bf0; --c4: #e3b341; --c5: #f472b6;"""

CSS = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
* {{ box-sizing: border-box; }}
html {{ scroll-behavior: smooth; }}
body {{ margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans',
  'DejaVu Sans', sans-serif; }}
a {{ color: var(--link); }}
.skip {{ position: absolute; left: -99rem; }}
.skip:focus {{ left: 1rem; top: .5rem; padding: .5rem;
  background: var(--page); }}
.layout {{ max-width: 76rem; margin: 0 auto; padding: 0 1.25rem 4rem; }}
nav {{ font-size: .875rem; margin: 0 0 2rem; }}
nav h2 {{ font-size: .75rem; letter-spacing: .08em; text-transform: uppercase;
  color: var(--dim); margin: 0 0 .5rem; border: 0; padding: 0; }}
nav ol {{ list-style: none; margin: 0; padding: 0; }}
nav li {{ margin: .2rem 0; }}
nav ol ol {{ padding-left: .9rem; }}
nav ol ol a {{ color: var(--dim); }}
nav a {{ text-decoration: none; }}
nav a:hover {{ text-decoration: underline; }}
@media (min-width: 70rem) {{
  .layout {{ display: grid; grid-template-columns: 13rem minmax(0, 1fr);
    column-gap: 3rem; }}
  header {{ grid-column: 2; }}
  nav {{ grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 2rem;
    align-self: start; max-height: calc(100vh - 4rem); overflow-y: auto;
    margin: 2.4rem 0 0; }}
  main {{ grid-column: 2; }}
}}
header {{ padding: 2rem 0 .5rem; }}
.kicker {{ font-size: .8rem; letter-spacing: .08em; text-transform: uppercase;
  color: var(--dim); margin: 0; }}
h1 {{ font-size: 2rem; line-height: 1.2; margin: .2rem 0 .4rem;
  overflow-wrap: anywhere; }}
h2 {{ font-size: 1.4rem; line-height: 1.3; margin: 3rem 0 .75rem;
  padding-top: .75rem; border-top: 1px solid var(--rule); }}
h3 {{ font-size: 1.05rem; margin: 2rem 0 .5rem; }}
p, .note {{ max-width: 46rem; margin: 0 0 .9rem; }}
.lead {{ color: var(--dim); }}
.note {{ border-left: 3px solid var(--c1); padding: .1rem 0 .1rem .9rem; }}
.source {{ font-size: .8rem; color: var(--dim); margin: .4rem 0 1.4rem; }}
code, pre {{ font: .86em/1.5 ui-monospace, 'SF Mono', Menlo, Consolas,
  'DejaVu Sans Mono', monospace; overflow-wrap: anywhere; }}
pre {{ background: var(--soft); padding: 1rem; white-space: pre-wrap;
  border-radius: 6px; font-size: .78rem; }}
details {{ margin: 0 0 1rem; }}
summary {{ cursor: pointer; color: var(--link); }}
.cards {{ display: grid; gap: .75rem; margin: 1.2rem 0;
  grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }}
.card {{ background: var(--soft); border-radius: 8px; padding: .8rem 1rem; }}
.card b {{ display: block; font-size: 1.6rem; line-height: 1.2;
  font-weight: 600; font-variant-numeric: tabular-nums; }}
.card span {{ font-size: .82rem; color: var(--dim); display: block; }}
.scroll {{ overflow-x: auto; margin: 0 0 .4rem; }}
table {{ border-collapse: collapse; font-size: .875rem;
  font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; white-space: nowrap; font-weight: 600;
  padding: .2rem 0 .4rem; }}
th, td {{ padding: .28rem .9rem .28rem 0; text-align: right;
  border-bottom: 1px solid var(--rule); vertical-align: baseline; }}
thead th {{ color: var(--dim); font-weight: 500; vertical-align: bottom; }}
th.text, td.text, tbody th {{ text-align: left; font-weight: 500; }}
td small {{ color: var(--dim); }}
.facts th {{ color: var(--dim); font-weight: 500; white-space: nowrap; }}
.facts td {{ text-align: left; overflow-wrap: anywhere; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .2rem 1.2rem;
  font-size: .85rem; list-style: none; padding: 0; margin: .4rem 0; }}
.legend li::before {{ content: ''; display: inline-block; width: 1.5rem;
  border-top: 3px var(--line) var(--c); vertical-align: .28em;
  margin-right: .45rem; }}
.panels {{ display: grid; gap: 1.2rem 1.6rem; margin: .6rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(15.5rem, 100%), 1fr)); }}
figure {{ margin: 0; break-inside: avoid; }}
figure + figure {{ margin-top: .8rem; }}
.panels > figure, .frames > figure, .route > figure {{ margin: 0;
  align-self: end; }}
.route > figure {{ align-self: start; }}
figcaption {{ font-size: .85rem; color: var(--dim); line-height: 1.4; }}
.panels figcaption {{ font-weight: 600; color: var(--ink); }}
.dots li::before {{ width: .75rem; height: .75rem; border: 0;
  border-radius: 50%; background: var(--c); vertical-align: -.08em;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
.diagram {{ width: 100%; height: auto; display: block; }}
.frames {{ display: grid; gap: 1.2rem; margin: .8rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 3px; }}
img {{ display: block; width: 100%; height: auto; border-radius: 4px;
  background: var(--soft); }}
.frames figcaption {{ margin-top: .35rem; overflow-wrap: anywhere; }}
.taught {{ border: 1px solid var(--rule); border-radius: 8px;
  padding: 1rem; margin: 0 0 1.2rem; break-inside: avoid; }}
.taught > h4 {{ margin: 0 0 .6rem; font-size: .9rem;
  overflow-wrap: anywhere; }}
.route {{ display: grid; gap: .6rem; align-items: start; margin-top: .7rem;
  grid-template-columns: repeat(3, minmax(0, 12rem)) minmax(13rem, 1fr); }}
@media screen and (max-width: 48rem) {{
  .route {{ grid-template-columns: repeat(3, minmax(0, 1fr)); }}
  .route .scroll {{ grid-column: 1 / -1; }}
}}
.weights {{ font-size: .72rem; line-height: 1.15; width: 100%; }}
.weights th, .weights td {{ padding: .08rem .5rem .08rem 0; border: 0; }}
.weights tbody th {{ font-weight: 400; }}
.weights caption {{ font-size: .75rem; }}
.bar {{ display: block; min-width: 3rem; height: .62em;
  background: linear-gradient(to right, var(--bar) var(--w),
  var(--soft) var(--w));
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
footer {{ margin-top: 3rem; padding-top: .75rem; font-size: .82rem;
  color: var(--dim); border-top: 1px solid var(--rule); }}
@media print {{
  @page {{ margin: 15mm; }}
  body {{ font-size: 10pt; }}
  .layout {{ display: block; max-width: none; padding: 0; }}
  .skip, details:not([open]) {{ display: none; }}
  nav {{ columns: 2; border-bottom: 1px solid var(--rule); padding: 0 0 1rem;
    position: static; max-height: none; overflow: visible; margin: 0; }}
  nav h2 {{ column-span: all; }}
  h2 {{ break-after: avoid; margin-top: 1.6rem; }}
  h3, h4, caption {{ break-after: avoid; }}
  .scroll {{ overflow: visible; }}
  table {{ font-size: 8pt; }}
  tr {{ break-inside: avoid; }}
  .panels {{ grid-template-columns: 1fr 1fr 1fr; }}
  .frames {{ grid-template-columns: 1fr 1fr; }}
  .route {{ grid-template-columns: repeat(3, 1fr) 1.6fr; }}
  .card {{ border: 1px solid var(--rule); }}
  a {{ color: inherit; text-decoration: none; }}
}}
"""
