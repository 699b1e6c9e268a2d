// The theme's search is a button around a form, and its results are options that hold
// links: people who cannot see the page hear of neither, because nothing that takes the
// focus may be in a button or an option. Here the search is a dialog, and each link is
// itself the option. All else of it is the theme's.
const changes = [
  [/role="button"\s+:aria-owns="[^"]*"\s+aria-expanded="true"\s+aria-haspopup="listbox"/, 'role="dialog" aria-modal="true"'],
  [/:id="'localsearch-item-' \+ index"\s+:aria-selected="[^"]*"\s+role="option"/, 'role="none"'],
  [/<kbd :aria-label/g, '<kbd role="img" :aria-label'], // read out, now that they are not within a button
  [/<a\s+:href="p\.id"/, `<a :href="p.id" :id="'localsearch-item-' + index" role="option" :aria-selected="selectedIndex === index"`],
];

/** A plugin of Vite: fails where the theme has changed, so that nobody has to look. */
export const search = {
  name: "search-as-dialog",
  enforce: "pre",
  transform(code, id) {
    if (!id.endsWith("/VPLocalSearchBox.vue")) return undefined;
    return changes.reduce((text, [from, to]) => {
      if (!from.test(text)) throw new Error(`${id} has no ${from}`);
      return text.replace(from, to);
    }, code);
  },
};
