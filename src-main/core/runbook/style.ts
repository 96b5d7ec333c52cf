/** For screen and paper; black on white, since it may come from any printer. */
export const STYLE = `
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #14181f; font: 11pt/1.45 system-ui, "Liberation Sans", sans-serif; }
.runbook { max-width: 50rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; font-size: 1.9em; }
h2 { margin: 1.6em 0 .5em; border-bottom: 2px solid #14181f; font-size: 1.4em; }
h3 { margin: 1.4em 0 .3em; font-size: 1.1em; }
h4 { margin: .9em 0 .2em; font-size: 1em; }
p { margin: .3em 0; }
.stamp, .when, .note, small { color: #4a5362; }
small { display: block; font-weight: 400; }
.warning { padding: .3em .7em; border-left: 4px solid #8a3b00; background: #fff4ea; }
.warning::before { content: "Careful. "; font-weight: 700; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35em .6em; border: 1px solid #b8c0cc; text-align: left; vertical-align: top; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15em 1em; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 10pt/1.4 ui-monospace, "Liberation Mono", monospace; }
.command { margin: .35em 0; border: 1px solid #b8c0cc; border-radius: 4px; break-inside: avoid; }
.command .host { display: inline-block; padding: 0 .6em; border-right: 1px solid #b8c0cc; border-bottom: 1px solid #b8c0cc; background: #eef1f5; font-size: .85em; font-weight: 600; }
.command pre { margin: 0; padding: .35em .6em; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; }
.command .note { margin: 0; padding: 0 .6em .3em; font-size: .9em; }
.contents { columns: 3; }
@media print {
  body { font-size: 9.5pt; }
  .runbook { max-width: none; padding: 0; }
  .sheet { break-before: page; }
  h2, h3, h4 { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
`;
