#: found
import openai
down = False
primary_down = False
def ask(c):
    global primary_down
    try:
        return c.chat.completions.create(model="m", messages=[])
    except openai.APIError:
        primary_down = True
#: found
import openai
class C:
    api_healthy = True
    def ask(self):
        try:
            return self.c.chat.completions.create(model="m", messages=[])
        except openai.APIError:
            self.api_healthy = False
#: found
import openai
def ask_all(client, items):
    use_fallback = False
    for item in items:
        try:
            client.chat.completions.create(model="m", messages=item)
        except openai.APIError:
            use_fallback = True
#: found
import openai
state = {"use_fallback": False}
def ask(c):
    try:
        return c.chat.completions.create(model="m", messages=[])
    except openai.APIError:
        state["use_fallback"] = True
#: clean
import openai
def ask(client):
    use_fallback = False
    try:
        return client.chat.completions.create(model="m", messages=[])
    except openai.APIError:
        use_fallback = True
    return use_fallback
#: clean
import openai
class C:
    def ask(self):
        try:
            return self.c.chat.completions.create(model="m", messages=[])
        except openai.APIError:
            self.use_fallback = True
    def probe(self):
        self.use_fallback = not self.healthy()
#: clean
class C:
    def ask(self):
        try:
            return self.db.read()
        except OSError:
            self.use_fallback = True
