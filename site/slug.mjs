/** The name that GitHub gives to a heading, which the links in docs/ refer to. */
export const slug = (text) => text.toLowerCase().trim().replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
