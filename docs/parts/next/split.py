"""Split README.md of /tmp/seven into docs/."""
import re, sys
from pathlib import Path
ROOT=Path(sys.argv[1] if len(sys.argv)>1 else "/tmp/seven")
readme=ROOT.joinpath("README.md").read_text("utf-8")
head,*rest=re.split(r"^(?=## )",readme,flags=re.M)
sections={re.match(r"## (.*)\n",one)[1]:one for one in rest}
def take(name): return sections.pop(name).rstrip()+"\n"
def sub(name,title):  # one "### title" out of a section
    global sections
    s=sections[name]
    m=re.search(rf"^### {re.escape(title)}\n.*?(?=^### |\Z)",s,re.M|re.S); assert m,(name,title)
    sections[name]=s.replace(m[0],"")
    return m[0][1:].rstrip()+"\n"
def part(letter,demote=0):
    f=ROOT/"docs/parts"/f"{letter}.md"
    if not f.exists(): return ""
    t=f.read_text("utf-8").replace("../../","../")
    out,code=[],False
    for line in t.splitlines():
        if line.startswith("```"): code=not code
        if not code and re.match(r"#+ ",line): line="#"*demote+line
        out.append(line)
    return "\n".join(out).rstrip()+"\n"
commands=take("Commands")
i=commands.index("On the machine the bot runs on")
inslack,onmachine=commands[:i],commands[i:]
def fix(t): # from docs/: pictures beside, files above
    t=re.sub(r'src="docs/','src="',t); t=re.sub(r"\]\(docs/","](",t)
    return re.sub(r"\]\((?!https?:|#|\.\./)((?:ops|tests|bench|LICENSE|CHANGELOG)[^)]*)\)",r"](../\1)",t)
docs={}
docs["using.md"]="# Using it\n\n"+inslack.replace("## Commands","## Words and answers").rstrip()+"\n\n"+take("Where you can ask")+"\n"+take("What bad input gets")
docs["reminders.md"]=take("Reminders and what they promise").replace("## Reminders and what they promise","# Reminders and what they promise",1)
oidc=sub("How linking works","Linking by your company's sign-in"); many=sub("How linking works","Installing into many workspaces"); stored=sub("How linking works","What is stored")
linking=take("How linking works").replace("## How linking works","# How linking works",1)
docs["linking.md"]=linking+"\n"+oidc+"\n"+many
docs["security.md"]="# Security and privacy\n\n"+stored+"\n"+take("Privacy, and your Vault's rules")+"\n"+take("Security").replace("## Security\n","## What was built against\n",1)
scopes=sub("Operating it","What the app may do in Slack"); 
mt=sub("Operating it","Metrics and traces")
docs["operating.md"]="# Operating it\n\n## The command line\n\n"+onmachine.rstrip()+"\n\n"+take("Settings")+"\n"+take("Running several replicas")+"\n"+take("Operating it").replace("## Operating it","## Day by day",1)+"\n"+scopes+"\n"+part("a",1)+"\n"+part("b",1)+"\n"+re.split(r"^## Fuzzing",part("d"),flags=re.M)[0].rstrip()+"\n\n"+part("e",1)
fuzz=("## Fuzzing"+re.split(r"^## Fuzzing",part("d"),flags=re.M)[1]) if "## Fuzzing" in part("d") else ""
docs["contributing.md"]="# Contributing\n\n"+Path("/tmp/contribute.md").read_text()+"\n"+take("Design in one drawing")+"\n"+take("What it stands on")+"\n"+fuzz.rstrip()+"\n\n"+part("c",1)+"\n"+part("f",1)
for name,text in docs.items(): ROOT.joinpath("docs",name).write_text(fix(text).rstrip()+"\n","utf-8")
install=take("Install it for your Slack and your Vault"); changes=sections.pop("Changes",""); sections.pop("What is not there yet",""); lic=take("Licence")
assert not sections, list(sections)
more='''## More

| For | Page |
|---|---|
| people who use it | [what to type, where to ask, what the answers mean](docs/using.md); [linking](docs/linking.md); [reminders](docs/reminders.md) |
| operators | [settings, commands, doctor, metrics, logs, containers, backups, updates](docs/operating.md) |
| security officers | [what is stored, privacy, threats and the tests for them](docs/security.md) |
| developers | [the design, its libraries, tests, load, chaos, fuzzing](docs/contributing.md); [why it is as it is](docs/why.md); [changes](CHANGELOG.md) |

'''
ROOT.joinpath("README.md").write_text(head+install.rstrip()+"\n\n"+more+lic,"utf-8")
print({n:t.count("\n") for n,t in docs.items()}, head.count("\n")+install.count("\n"))

why=ROOT/"docs/why.md"
if "service account" not in why.read_text("utf-8"): why.write_text(why.read_text("utf-8").rstrip()+"\n"+Path("/tmp/why_more.md").read_text("utf-8"),"utf-8")
