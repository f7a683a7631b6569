/** How paths and times are typed, for the help of commands that take them. */
export const pathHelp = `
A relative path begins in the working directory. In a path \\xHH is the byte HH, for names that
are not UTF-8, as nb list shows them; \\\\ is a backslash. Times are local: 2026-03-01 is the end of
that day, '2026-03-01 22:15' or '2026-03-01 22:15:09' a moment, and ISO 8601 with an offset is taken too.
`

/** How patterns are typed. */
export const patternHelp = `
In a glob * is any number of characters but /, ** of any, **/ whole directories or none, ? one character, [a-z] one of a set and
[!a-z] one of no set; a backslash makes the next character plain. Without / a glob is of names, with / at
its beginning of whole paths, with / elsewhere of what a path ends with. Regular expressions are JavaScript's, without look-around,
back references, \\b and \\p. In both \\xHH from 80 on is a byte that is not UTF-8.
`
