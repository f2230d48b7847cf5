# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What a command says about itself, tried by man and by the shells. To be sourced
# from the checkout. The files of the test go to $work.

. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh

# pages_render DIRECTORY: man shows every page there, and finds nothing wrong.
pages_render() {
	local page
	mkdir -p "$work/shown"
	# shellcheck disable=SC2016 # the shell in the sysroot expands it
	scripts/enter env MANWIDTH=80 sh -c '
		for page in "$1"/*; do
			shown=$2/${page##*/}
			man --warnings -Tutf8 -l "$page" >"$shown" 2>"$shown.warnings" || rm "$shown"
		done' sh "$1" "$work/shown"
	for page in "$1"/*; do
		page=$work/shown/${page##*/}
		check "man shows ${page##*/}" [ -s "$page" ]
		check "man has nothing to say about ${page##*/}" [ ! -s "$page.warnings" ]
		check "${page##*/} has its exit codes" grep -q 'EXIT STATUS' "$page"
	done
}

# shell NAME ARG...: the shell of that name, which finds stand-ins for commands in
# $work/stand-ins.
shell() {
	scripts/enter env "PATH=$work/stand-ins:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}

# offers SCRIPT LINE WORDS OTHER: the shell that the script's name is of has loaded it,
# and offers these words to complete the line, but not the other one.
offers() {
	local script=$1 line=$2 words=$3 other=$4 name word
	case $script in
	*.fish) name=fish ;;
	*/_*) name=zsh ;;
	*) name=bash ;;
	esac
	"offered_by_$name" "$script" "$line" "${words##* }" >"$work/words" 2>"$work/messages"
	for word in $words; do
		check "$name completes '$line' by $word" grep -qw -e "$word" "$work/words"
	done
	check "$name does not complete it by $other" sh -c "! grep -qw -e $other '$work/words'"
}

offered_by_bash() {
	# shellcheck disable=SC2016 # the shell that is tried expands it
	shell bash --norc -c '
		. "$0"
		words=($1)
		[[ $1 != *" " ]] || words+=("")
		COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
		function=$(complete -p "${words[0]}")
		function=${function#*-F }
		"${function%% *}" "${words[0]}" "${words[-1]}" "${words[-2]}"
		printf "%s\n" "${COMPREPLY[@]}"' "$@"
}

# Its completions are for somebody who types: hence a terminal, and waiting for the
# last of the words.
offered_by_zsh() {
	# shellcheck disable=SC2016
	shell zsh -f -c '
		zmodload zsh/zpty
		zpty shell "TERM=dumb PS1= zsh -f -i"
		zpty -w shell "fpath=(${0:h} \$fpath); autoload -U compinit; compinit -D -u"
		zpty -w shell "zstyle \":completion:*\" list-prompt; setopt no_always_last_prompt; echo REA\"\"DY"
		while zpty -r shell line && [[ $line != *READY* ]]; do :; done
		zpty -w -n shell "$1"$'"'\\t\\t'"'
		for ((i = 0; i < 200; i++)); do
			while zpty -r -t shell line; do print -r -- "$line"; said+=$line; done
			[[ $said != *"$2"* ]] || break
			sleep 0.1
		done' "$@"
}

offered_by_fish() {
	# shellcheck disable=SC2016
	shell fish --no-config -c '
		source $argv[1]
		complete -C $argv[2]' "$@"
}
