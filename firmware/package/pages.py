#!/usr/bin/env python3
"""Manual pages and shell completion, made of what the programs and the documentation say themselves,
so that they cannot say something else.

    pages.py --version V --date YYYY-MM-DD --out FOLDER [--toml PAGE=MARKDOWN[#SECTION] ...] PROGRAM ...

A PROGRAM may be a command in quotes, such as one under an emulator. Writes NAME.SECTION and NAME.bash
for each program, and one page of section 5 for each --toml.
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys

from help_text import Help

# What a page has beside the program's own words.
DAEMONS = 8
SEE_ALSO = "wharf.toml(5), wharfctl(1), wharfd(8), wharf-bridge.toml(5), wharf-bridge(8)"
COMPLETION = pathlib.Path(__file__).with_name("completion.bash")


def escaped(text):
    """As roff takes it: no line is read as a request, a minus is one."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def title(name, section, version, date):
    return f'.TH {name.upper()} {section} {date} "Wharf {version}" Wharf\n'


def option_list(options):
    return "".join(f".TP\n.B {escaped(each.usage)}\n{escaped(each.words)}\n" for each in options)


def example_lines(text):
    """Commands with what each is for behind them, in columns."""
    out = []
    for line in text.splitlines():
        command, _, words = line.strip().partition("  ")
        out.append(f".TP\n\\fB{escaped(command)}\\fR\n{escaped(words.strip()) or '.br'}\n")
    return "".join(out)


def exit_codes(text):
    """'Exit codes: 0 done; 1 ..., 2 ...' as a list."""
    words = re.sub(r"\s+", " ", text.split(":", 1)[1]).strip().rstrip(".")
    parts = re.split(r"[;,] (?=\d+ )", words)
    return "".join(".TP\n.B {}\n{}\n".format(*map(escaped, part.split(" ", 1))) for part in parts)


def program_page(root, version, date):
    section = DAEMONS if not root.verbs else 1
    about = root.about.rstrip(".")
    about = about.split(": ", 1)[1] if about.startswith(root.name + ": ") else about
    out = title(root.name, section, version, date)
    out += f".SH NAME\n{escaped(root.name)} \\- {escaped(about[0].lower() + about[1:])}\n"
    out += ".SH SYNOPSIS\n.B " + escaped(root.name) + "\n" + (
        ".RI [ options ]\n.I verb\n.RI [ arguments ]\n" if root.verbs else ".RI [ options ]\n")
    paragraphs = root.footer
    plain = [each for each in paragraphs if not each.startswith(("Examples:", "Exit codes:"))]
    out += f".SH DESCRIPTION\n{escaped(root.about)}\n"
    out += "".join(f".PP\n{escaped(each)}\n" for each in plain)
    out += ".SH OPTIONS\n" + option_list(root.options)
    if root.verbs:
        out += ".SH VERBS\n"
        for verb in root.leaves():
            out += f".SS {escaped(' '.join(verb.path))}{escaped(verb.takes)}\n{escaped(verb.about)}.\n"
            out += option_list(verb.options)
    for each in paragraphs:
        if each.startswith("Examples:"):
            out += ".SH EXAMPLES\n" + example_lines(each.split("\n", 1)[1])
        elif each.startswith("Exit codes:"):
            out += '.SH "EXIT STATUS"\n' + exit_codes(each)
    others = [each for each in SEE_ALSO.split(", ") if not each.startswith(root.name + "(")]
    return section, out + '.SH "SEE ALSO"\n' + "".join(
        ".BR {} ({}{}\n".format(*escaped(each).rstrip(")").split("("), ")," if each != others[-1] else ")")
        for each in others)


def inline(text):
    """Markdown in a line: code in bold, links by their words."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"`([^`]*)`", text)
    return "".join(escaped(part) if i % 2 == 0 else rf"\fB{escaped(part)}\fR"
                   for i, part in enumerate(parts) if part)


def table_rows(lines):
    """The rows of a table below its head, each a dictionary by the head's words."""
    cells = [[cell.strip() for cell in re.split(r" \|(?= )", line.strip().strip("|"))] for line in lines]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


def settings_page(name, markdown, version, date):
    out = title(name, 5, version, date)
    out += f".SH NAME\n{escaped(name)} \\- settings of Wharf\n.SH DESCRIPTION\n"
    blocks = re.split(r"\n\n+", markdown.split("\n", 1)[1].strip())
    for block in blocks:
        lines = block.splitlines()
        if block.startswith("## "):
            out += f".SH {inline(block[3:])}\n"
        elif block.startswith("|"):
            for row in table_rows(lines):
                bound = row.get("unit, bound") or row.get("bound", "")
                out += f".TP\n{inline(row['key'])}\n"
                default = f"default: {inline(row['default'])}" if row["default"] else ""
                out += "; ".join(filter(None, [inline(bound), default])) + "\n"
                out += f".br\n{inline(row['meaning'])}\n" if row["meaning"] else ""
        elif all(line.startswith("    ") for line in lines):
            out += ".PP\n.EX\n" + "".join(escaped(line) + "\n" for line in lines) + ".EE\n"
        else:
            out += f".PP\n{inline(' '.join(lines))}\n"
    return out + '.SH "SEE ALSO"\n.BR wharfd (8),\n.BR wharf\\-bridge (8)\n'


def completion(root):
    """A list of (verb so far, words) for the function that all programs share."""
    options = [name for each in root.options for name in each.names]
    every = root.every_option()
    taking = sorted({name for each in every if each.takes for name in each.names})
    files = sorted({name for each in every if each.is_path for name in each.names})
    verbs = "".join(f"        '{' '.join(verb.path)}') words='{' '.join(verb.words())}' ;;\n"
                    for verb in root.walk() if verb.words())
    text = COMPLETION.read_text()
    for name, value in {"PROGRAM": root.name, "FUNCTION": root.name.replace("-", "_"),
                        "GENERAL": " ".join(options), "FILES": " | ".join(files) or "''",
                        "TAKING": " | ".join(taking) or "''", "VERBS\n": verbs}.items():
        text = text.replace("@" + name, value)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--toml", action="append", default=[])
    parser.add_argument("programs", nargs="*")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for command in given.programs:
        ask = lambda *verb, command=command: subprocess.run(
            [*shlex.split(command), *verb, "--help"], check=True, capture_output=True, text=True).stdout
        root = Help.read(pathlib.Path(shlex.split(command)[-1]).name, ask)
        section, page = program_page(root, given.version, given.date)
        (given.out / f"{root.name}.{section}").write_text(page)
        (given.out / f"{root.name}.bash").write_text(completion(root))
    for each in given.toml:
        name, _, source = each.partition("=")
        source, _, section = source.partition("#")
        text = pathlib.Path(source).read_text()
        if section:
            # Of a document about more than the settings.
            text = f"\n{text}".split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
            text = f"# {section}\n{text}"
        (given.out / f"{name}.5").write_text(settings_page(name, text, given.version, given.date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
