"""What bash completes of `manage.py tasks`: its verbs, and their options."""

import argparse
from typing import Final

# Django's own script, if it was read before, completes all other commands:
# https://github.com/django/django/blob/main/extras/django_bash_completion
BASH: Final = """\
# Completes the verbs and options of `manage.py tasks`: source <(python manage.py tasks completion bash)
_djangotasks_completion() {
    local word=${COMP_WORDS[COMP_CWORD]} at verb="" words=""
    for ((at = 1; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} == tasks ]] && break
    done
    if ((at >= COMP_CWORD)); then
        if [[ ${COMP_WORDS[COMP_CWORD - 1]} == *manage.py && tasks == "$word"* && -n $word ]]; then
            COMPREPLY=(tasks)
        elif declare -F _django_completion > /dev/null; then
            _django_completion
        fi
        return
    fi
    ((at + 1 < COMP_CWORD)) && verb=${COMP_WORDS[at + 1]}
    case $verb in
%s
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _djangotasks_completion -o default manage.py django-admin python python3
"""


def bash(parser: argparse.ArgumentParser) -> str:
    """A script for bash, from the command's own parser."""
    verbs = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    cases = [f'    "") words="{" ".join(verbs.choices)}" ;;']
    for name, verb in verbs.choices.items():
        words = [option for action in verb._actions for option in action.option_strings if option.startswith("--")]
        cases.append(f'    {name}) words="{" ".join(words)}" ;;')
    return BASH % "\n".join(cases)
