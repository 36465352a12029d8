"""What a program says about itself with --help, as CLI11 lays it out: its options, its verbs and
theirs, and the paragraphs at the end."""
import dataclasses
import re

HELP_OPTION = "-h,--help"


@dataclasses.dataclass
class Option:
    usage: str  # "--limit COUNT"
    names: list
    takes: str  # "COUNT"; empty: nothing
    words: str
    default: str = ""

    @property
    def is_path(self):
        return self.takes in ("FILE", "DIR", "PATH") or self.default.startswith("/")


def options_in(block):
    """The lines below "Options:": two columns, the second beginning on the next line where the first
    is long."""
    found = []
    for line in block.splitlines():
        entry = re.match(r"  (-\S+)(?: (.*?))?(?:\s{2,}(.*))?$", line)
        if entry:
            names, takes, words = entry.group(1), entry.group(2) or "", entry.group(3) or ""
            kind, _, default = re.sub(r":.*| REQUIRED", "", takes).partition("=")
            names = names.split(",")
            usage = ", ".join(names) + (f" {kind}" if kind else "")
            found.append(Option(usage, names, kind, words, default))
        elif line.startswith("   ") and found:
            found[-1].words = f"{found[-1].words} {line.strip()}".strip()
    return found


@dataclasses.dataclass
class Help:
    name: str
    path: tuple
    about: str
    takes: str
    options: list
    verbs: list
    footer: list

    @classmethod
    def read(cls, name, ask, path=()):
        """ask(*verb) is the help of that verb."""
        text = ask(*path)
        about, _, rest = text.partition("\nUsage: ")
        usage, _, rest = rest.partition("\n")
        blocks = re.split(r"\n\n+", rest.strip("\n"))
        titled = {block.split(":\n")[0].strip(): block.split(":\n", 1)[1]
                  for block in blocks if re.match(r"(Options|Positionals|Subcommands):\n", block)}
        footer = [block for block in blocks
                  if not re.match(r"(Options|Positionals|Subcommands):\n", block)]
        options = options_in(titled.get("Options", ""))
        if path:
            options = [each for each in options if "--help" not in each.names]
        words = re.findall(r"(?m)^  (\S+)", titled.get("Subcommands", ""))
        verbs = [cls.read(name, ask, (*path, word)) for word in words]
        takes = usage.split("[OPTIONS]", 1)[1].replace("SUBCOMMAND", "").rstrip()
        return cls(name, path, about.strip(), takes.upper(), options, verbs, footer)

    def walk(self):
        yield self
        for verb in self.verbs:
            yield from verb.walk()

    def leaves(self):
        return [each for each in self.walk() if not each.verbs]

    def every_option(self):
        return [option for each in self.walk() for option in each.options]

    def words(self):
        """What may come next, the options that every verb has apart."""
        own = [name for each in self.options for name in each.names] if self.path else []
        return [each.path[-1] for each in self.verbs] + own
