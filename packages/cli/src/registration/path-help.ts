/** How paths and times are typed, for the help of commands that take them. */
export const pathHelp = `
A relative path begins in the working directory. In a path \\xHH is the byte HH, for names that
are not UTF-8, as nb list shows them; \\\\ is a backslash. Times are local: 2026-03-01 is the end of
that day, '2026-03-01 22:15' or '2026-03-01 22:15:09' a moment, and ISO 8601 with an offset is taken too.
`
