# bash completion for @PROGRAM
_@FUNCTION() {
    local verbs=() words='' at
    case $3 in
    @FILES)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        return
        ;;
    @TAKING) return ;;
    esac
    # The verb so far, without options and what they take.
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        @TAKING) at=$((at + 1)) ;;
        -*) ;;
        *) verbs+=("${COMP_WORDS[at]}") ;;
        esac
    done
    # A number or a name may follow the verb.
    for ((at = ${#verbs[@]}; at >= 0; at--)); do
        case ${verbs[*]:0:at} in
@VERBS
        *) continue ;;
        esac
        break
    done
    mapfile -t COMPREPLY < <(compgen -W "$words @GENERAL" -- "$2")
}
complete -F _@FUNCTION @PROGRAM
