/**
 * What the search makes of a word, of the pages and of a question: nothing of
 * those that every page has, and of the others small letters and no plural.
 * VitePress sends the text of this function to the page: it refers to nothing outside.
 */
export function words(term) {
  const empty = "a an and are as at be by can do does for from how i if in is it my no not of on or so that the there this to what when where which who why with you your";
  term = term.toLowerCase();
  if (empty.split(" ").includes(term)) return null;
  return term.length > 3 ? term.replace(/([^s])s$/, "$1") : term;
}
