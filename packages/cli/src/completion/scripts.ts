/** The shells that complete command lines of `nb`. */
export const shells = ['bash', 'zsh', 'fish'] as const

/** A shell of {@link shells}. */
export type Shell = (typeof shells)[number]

/** What a shell has to read once: it asks `nb complete` then for every word. */
export const completionScripts: Readonly<Record<Shell, string>> = {
  // Readline splits words at = and : where COMP_WORDBREAKS has them; they are one word to nb.
  bash: `# Completion of nb for bash: eval "$(nb completion bash)", or into /etc/bash_completion.d/nb
_nb() {
  local nb=\${1/#\\~/$HOME} line word i cut
  local -a words=()
  COMPREPLY=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((\${#words[@]})) && { [[ $word == [=:] ]] || [[ \${words[-1]} == *[=:] && \${COMP_WORDS[i-1]} == [=:] ]]; }; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  word=\${COMP_WORDS[COMP_CWORD]}
  [[ $word == [=:] ]] && word=
  cut=$((\${#words[-1]} - \${#word}))
  while IFS= read -r line; do
    if [[ $line == $'\\tfiles' ]]; then
      compopt -o default
      continue
    fi
    line=\${line%%$'\\t'*}
    [[ $line == */* ]] && compopt -o filenames
    [[ $line == */ ]] && compopt -o nospace
    COMPREPLY+=("\${line:cut}")
  done < <("$nb" complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _nb nb
`,
  zsh: `#compdef nb
# Completion of nb for zsh: eval "$(nb completion zsh)" after compinit, or as _nb into a folder of fpath
_nb() {
  local line
  local -a found folders
  local files=
  while IFS= read -r line; do
    if [[ $line == $'\\tfiles' ]]; then
      files=yes
    elif [[ \${line%%$'\\t'*} == */ ]]; then
      folders+=("\${line%%$'\\t'*}")
    elif [[ $line == *$'\\t'* ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    else
      found+=("\${line//:/\\\\:}")
    fi
  done < <("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#folders} )) && compadd -S '' -- "\${folders[@]}"
  (( \${#found} )) && _describe nb found
  [[ -n $files ]] && _files
  return 0
}
if [[ \$funcstack[1] == _nb ]]; then
  _nb
elif (( \${+functions[compdef]} )); then
  compdef _nb nb
fi
`,
  fish: `# Completion of nb for fish: nb completion fish | source, or into ~/.config/fish/completions/nb.fish
function __nb_complete
    set -l line (commandline -opc)
    set -l word (commandline -ct)
    for found in ($line[1] complete -- $line[2..-1] "$word" 2>/dev/null)
        if test "$found" = \\tfiles
            __fish_complete_path "$word"
        else
            echo $found
        end
    end
end
complete -c nb -f -a '(__nb_complete)'
`,
}
