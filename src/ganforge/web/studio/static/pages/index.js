// The pages, in the order of the navigation. A page is {name, nav, inner, show}:
//   name   the first part of its address, #/name, and the key of its title in words: nav.name
//   nav    whether the navigation lists it
//   inner  whether it is the page of addresses with more parts, #/name/part, where another page has #/name
//   show(root, parts, query, here)   fills `root`; returns what ends it, such as a stream, or nothing.
//          here.current() says whether the page is still shown, here.again() shows it again.

import compare from "./compare.js";
import data from "./data.js";
import explore from "./explore.js";
import reports from "./reports.js";
import run from "./run.js";
import runs from "./runs.js";
import start from "./start.js";
import translate from "./translate.js";

export const pages = [runs, start, explore, translate, compare, reports, data, run];
