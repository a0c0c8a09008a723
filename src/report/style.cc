#include "report/page.h"

namespace bellwether::report {

std::string_view style() {
  // Light on paper and by default; dark only on screens that ask for it. Colours of the two sides differ in lightness too, for who sees few colours.
  return R"(:root{--ink:#1b1f24;--soft:#57606a;--faint:#68717b;--line:#d8dee4;--paper:#fff;--panel:#f6f8fa;--own:#b4552d;--hosted:#7fb0c4;--best:#1f6f8b;--good:#1a7f4b;--bad:#b3261e;--warn:#8a5a00}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#a3adb8;--faint:#8b949e;--line:#333a43;--paper:#14181d;--panel:#1c2229;--own:#e58a5c;--hosted:#4f8ba1;--best:#62bcd8;--good:#57c78b;--bad:#ff8a80;--warn:#e0b050}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI","Apple SD Gothic Neo","Malgun Gothic","Noto Sans KR","Noto Sans CJK KR",NanumGothic,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
:lang(ko){word-break:keep-all;overflow-wrap:anywhere}
main{max-width:54rem;margin:0 auto;padding:2.5rem 1.5rem 3rem}
header{border-top:4px solid var(--best);padding-top:1.1rem}
.kicker{margin:0;color:var(--soft);font-size:.82rem;letter-spacing:.02em}
h1{margin:.35rem 0 .5rem;font-size:1.65rem;line-height:1.25;font-weight:650;letter-spacing:-.01em;text-wrap:balance;overflow-wrap:anywhere}
.lead{margin:0;color:var(--soft);max-width:46rem;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:0;margin:1.6rem 0 0;border:1px solid var(--line);border-radius:6px;overflow:hidden}
.tiles>div{padding:.8rem 1rem .75rem;background:var(--panel);border-left:1px solid var(--line);min-width:0}
.tiles>div:first-child{border-left:0}
.tiles dt{color:var(--soft);font-size:.8rem}
.tiles dd{margin:0}
.tiles .value{font-size:1.32rem;font-weight:650;letter-spacing:-.01em;white-space:nowrap}
.tiles .below{white-space:pre-line;color:var(--soft);font-size:.78rem;overflow-wrap:anywhere}
.good{color:var(--good)}.bad{color:var(--bad)}
section{margin-top:2.2rem}
h2{margin:0 0 .6rem;font-size:1.05rem;font-weight:650}
figure{margin:0}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:12px;fill:var(--ink);font-family:inherit}
svg .tick{fill:var(--soft);font-size:11px}
svg .end{fill:var(--soft);font-size:11px}
svg .figure{font-weight:600}
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--faint);stroke-width:1}.zero{stroke:var(--bad);stroke-width:1;stroke-dasharray:3 3}
.whisker{stroke:var(--ink);stroke-width:1.2}
rect.own,path.own.band,i.own{fill:var(--own);background:var(--own)}
rect.hosted,path.hosted.band,i.hosted{fill:var(--hosted);background:var(--hosted)}
rect.best,path.best.band,i.best{fill:var(--best);background:var(--best)}
path.band{fill-opacity:.16;stroke:none}
path.stroke{fill:none;stroke-width:2;stroke-linejoin:round}
path.own.stroke{stroke:var(--own)}path.hosted.stroke{stroke:var(--hosted)}path.best.stroke{stroke:var(--best)}
.today{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:2 3}.even{stroke:var(--good);stroke-width:1.4}.even-band{fill:var(--good);fill-opacity:.1}
.swing-low,i.swing-low{fill:var(--hosted);background:var(--hosted)}.swing-high,i.swing-high{fill:var(--best);background:var(--best)}
rect.input,i.input{fill:var(--best);background:var(--best)}rect.output,i.output{fill:var(--hosted);background:var(--hosted)}
.partly{fill-opacity:.45;stroke:var(--faint);stroke-dasharray:2 2}
.cell{fill:var(--best)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:0 0 .5rem;color:var(--soft);font-size:.82rem}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em;vertical-align:-.05em}
figcaption,.caption{margin-top:.5rem;color:var(--soft);font-size:.8rem}
.source{color:var(--faint);overflow-wrap:anywhere}
details{margin-top:.4rem;font-size:.82rem}
summary{cursor:pointer;color:var(--soft)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.84rem;margin-top:.4rem}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
th,td{padding:.36rem .6rem;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line);overflow-wrap:break-word}
tbody th{max-width:17rem}td.formula{overflow-wrap:anywhere}.word{white-space:nowrap}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:500;font-size:.78rem;border-bottom-color:var(--faint);vertical-align:bottom}
tbody th{font-weight:500}
.number{text-align:right;white-space:nowrap}
td small{display:block;color:var(--soft);font-size:.92em;font-weight:400}
.formula{color:var(--soft);font-size:.8rem}
th.total,td.total{font-weight:650;border-bottom:0}
.verdict{display:inline-block;font-weight:600}
ul.findings{list-style:none;margin:0;padding:0;font-size:.88rem}
ul.findings li{display:grid;grid-template-columns:5.2rem 1fr;gap:.6rem;padding:.4rem 0;border-bottom:1px solid var(--line)}
ul.findings b{font-weight:600;font-size:.8rem}
.cannot_be b{color:var(--bad)}.doubtful b{color:var(--warn)}.note b{color:var(--faint)}
footer{margin-top:2rem;padding-top:.8rem;border-top:1px solid var(--line);color:var(--faint);font-size:.78rem}
@media (max-width:40rem){figure{overflow-x:auto}svg{min-width:38rem}.tiles{grid-template-columns:1fr 1fr}.tiles>div:nth-child(3){border-left:0}.tiles>div:nth-child(n+3){border-top:1px solid var(--line)}main{padding:1.2rem 1rem}}
@page{size:A4;margin:11mm 13mm}
@media print{body{font-size:8.4pt;line-height:1.36;print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0;zoom:.87}header{padding-top:.5rem}.scroll{overflow:visible}h1{font-size:15pt}section{margin-top:.95rem;break-inside:avoid}.tiles{margin-top:1rem}figure,ul.findings li,tr,.tiles{break-inside:avoid}h2{break-after:avoid}details:not([open]){display:none}th,td{padding:.2rem .5rem}ul.findings li{padding:.2rem 0}svg{max-height:52mm}.tiles .value{font-size:13pt}h2{margin-bottom:.3rem}.legend{margin-bottom:.2rem}footer{margin-top:.7rem;padding-top:.3rem}figcaption,.caption,details{margin-top:.2rem}p.caption{margin-bottom:0}}
)";
}

}  // namespace bellwether::report
