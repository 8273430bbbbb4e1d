"""Words by what they do in an attack, in the larger European languages, folded: small letters, no accents.

A word that ends in ``*`` is the beginning of words. The scripts without spaces or with rich endings are in `PHRASES`:
they are looked for anywhere in a sentence, and their order is free.
"""

from __future__ import annotations

LEXICON: dict[str, str] = {
    "DROP": """
        ignore ignores ignored ignoring disregard disregards disregarding forget forgetting override overrides overriding
        overlook neglect discard dismiss erase unlearn
        ignorez ignore-t-il oubliez oublie negligez ignora ignorad ignoren ignore olvida olvide olvidad olvidate olviden omite
        ignoriere ignorieren ignoriert vergiss vergessen vergesst missachte missachten
        dimentica dimenticate dimenticare ignori ignorare tralascia esqueca esqueca-se desconsidere desconsidera
        abaikan lupakan yoksay ignoruj ignorer ignoruji negeer vergeet zignoruj zapomnij glomma glom ignorera ignorer glem unohda uita ignorati
        игнорируй игнорируйте проигнорируй проигнорируйте забудь забудьте αγνοησε αγνοηστε ξεχασε
    """,
    "PRIOR": """
        previous previously prior earlier preceding above before initial original former past foregoing existing current
        precedentes precedents precedente anteriores anterior previas previos previa previo vorherigen vorherige vorigen
        bisherigen obigen fruheren precedenti anteriori sebelumnya onceki predchozi vorige eerdere poprzednie poprzednich tidigare tidligere
        предыдущие предыдущих прежние προηγουμενες initiales initiaux
    """,
    "ALL": """
        all any every everything anything whatever toutes tous tout todas todos todo alle alles tutte tutti tutto wszystkie все
    """,
    "RULES": """
        instruction instructions instructed instruct rule rules guideline guidelines prompt prompts directive directives direction
        directions command commands policy policies restriction restrictions constraint constraints safeguard safeguards
        programming protocols principles orders limitations training context boundaries
        consignes regles directives instrucciones reglas indicaciones normas anweisungen anweisung regeln vorgaben
        befehle istruzioni regole indicazioni instrucoes regras diretrizes instructies regels instruksi instruksjoner talimatlari talimat pokyny instrukce instructiunile instrukcje instrukcji zasady
        instruktioner instrukser ohjeet instructiuni инструкции инструкций правила указания οδηγιες κανονες
    """,
    "TASKS": "task tasks conversation conversations message messages input inputs text questions request requests content",
    "SAFE": """
        filter filters moderation censorship safeguards guardrails ethics restrictions restriction limitations limits
        guidelines guideline policy policies protections morals inhibitions boundaries rules restraints
    """,
    "DISABLE": "disable disables disabled deactivate remove lift unlock suspend bypass bypassing circumvent evade off drop removed",
    "SHOW": """
        reveal reveals show shows print output outputs display repeat tell give share disclose leak dump expose list write
        say state recite provide export summarize summarise describe explain translate encode convert format return send echo
        quote spell copy paste paraphrase rephrase restate include includes including describes document generate compare
        recall transcribe divulge report confirm present read spill render submit forward enumerate outline
        montrez montre montrer affichez affiche afficher revelez revele repetez repete donnez donne dites ecrivez
        muestra muestre mostrar muestrame revela revele repite imprime imprimelos dime dame ensena envia envialos recupera
        zeige zeigen zeig nenne nennen gib verrate verraten wiederhole wiederholen drucke
        geben nennen sagen mitteilen dar decir compartir dire fornire condividere compartilhar donner partager fournir
        mostra mostrami mostri rivela ripeti stampa dimmi dammi fornisci mostre revelar diga repita exiba compartilhe
        toon geef laat pokaz ujawnij visa vis покажи покажите раскрой скажи скажите выведи повтори δειξε πες
    """,
    "ASK": "what what's whats which how quel quelle quels quelles cual cuales was welche wie qual quali quais wat jaki какой какие каков who where",
    "YOUR": """
        your yours yourself you thy vos votre tu tus su sus dein deine deinen deiner ihr ihre ihren tuo tua tue tuoi vostre suo
        seu sua seus suas teu jouw uw twoje twoj твои твой ваши ваш σου
    """,
    "YOU": "you tu vous usted du sie voce ты вы u",
    "SYSTEM": "system systems systeme sistema systemowy hidden secret confidential internal initial original initiales base underlying developer preset starting first core pre",
    "PROMPT": """
        prompt prompts instructions instruction directives directive preprompt configuration config guidelines programming
        consignes instrucciones anweisungen anweisung istruzioni instrucoes instructies инструкции инструкций промпт systemprompt sysprompt metaprompt
        rules setup context message
    """,
    "PROMPTS": "prompt prompts preprompt systemprompt sysprompt metaprompt instruction instructions промпт",
    "SECRET": """
        password passwords passcode passphrase passwort kennwort contrasena clave sifre hasło losenord senha wachtwoord haslo losenord пароль пароля
        parola secret secrets credential credentials apikey apikeys passkey pin codeword codigo
    """,
    "PRIVATE": "email e-mail address phone ssn birthday birthdate birth dob location residence salary password bank balance account city name initials medical surname",
    "SOMEONE": "user users user's users' customer's customers' patient's employee's client's his her their person's",
    "MODE": "mode modus modo simulation persona jailbreak jailbroken mod",
    "FREE": """
        unrestricted unfiltered uncensored jailbreak jailbroken unlimited unbound unshackled amoral unethical rogue evil
        lawless limitless unhinged liberated god godmode developer dev debug admin sudo root override maintenance dan stan
        dude aim apophis omega unlocked diagnostic opposite
    """,
    "BECOME": """
        pretend act imagine roleplay role-play simulate become behave emulate impersonate play assume adopt immerse switch enter
        enable activate suppose entering entered activated enabled initiating
    """,
    "LACK": "no without free zero lacks lacking never not unbound isn't doesn't none any don't aren't",
    "DAN": "dan dans d.a.n jailbreak jailbroken",
    "NEVER": "never don't dont do not cannot can't must",
    "REFUSE": "refuse decline deny reject apologize apologise warn disclaim censor refusal",
    "OBEY": "obey comply answer fulfil fulfill follow execute listen",
    "NEG": "never not don't dont cannot can't shouldn't mustn't won't nicht nunca jamais kein",
    "AM": "i'm am we're are as from",
    "AUTHORITY": """
        administrator admin developer developers creator creators owner engineer ceo president god boss auditor openai
        anthropic google microsoft meta police officer accountant supervisor manager authority researcher programmer programmers
        expert security agent government fbi
    """,
    "AUDIT": "audit auditing debugging diagnostics testing investigation verification compliance emergency override maintenance upgrade reset",
    "NEW": "new updated actual real revised nouvelles nuevas neue nuove novas новые override following",
    "IGNOREOBJ": "above previous everything all",
    "DO": "follow execute perform run do say print respond reply write output answer tell state act",
    "RESPONSE": """
        response responses reply answer answers output message summary explanation elucidation solution implementation
        code completion text result results writing reaction response's answer's replies
    """,
    "EDIT": """
        include add integrate insert incorporate embed append prepend modify change alter adapt enhance introduce make write
        provide use replace convert group scramble jumble misspell encode translate end start begin finish conclude format
        anagram omit remove reverse capitalise capitalize mention suggest recommend tease offer promote highlight advertise
        encourage emphasise emphasize give deliver produce present craft compose arrange reorder shuffle swap substitute
        separate combine hide obfuscate respond reply answer display express structure rephrase phrase mix ensure weave blend
        infuse inject supplement complement enrich augment tailor transform render spell sprinkle mask link direct redirect
        state invite persuade inform warn place put set merge seamlessly subtly always employ apply adjust encrypt
        deliberately intentionally randomly disguise reveal generate create utilize utilise
    """,
    "MAKE": """
        write create compose draft generate develop craft design produce provide make give prepare tell list build suggest
        recommend propose outline invent come
    """,
    "PIECE": """
        poem story essay letter speech haiku song article list script recipe joke summary paragraph report guide
        tutorial example examples plan review explanation description headline slogan limerick dialogue monologue sonnet
        lyrics tweet caption code function program snippet tips ideas overview biography blog post email advertisement
        riddle fact facts sentence quote definition ways steps solution verse novel outline itinerary introduction
        comparison analysis breakdown synopsis query algorithm regex class loop menu eulogy fable proverb toast invitation
    """,
    "TELL": """
        explain describe summarize summarise translate define calculate compute solve convert discuss compare name identify
        analyze analyse elaborate simplify paraphrase rewrite proofread debug demonstrate illustrate teach break interpret
        evaluate estimate find show list tell outline clarify classify prove derive implement sort
    """,
    "REFER": "me us following concept process theory meaning plot difference role importance history steps phrase word sentence how what why theorem impact causes main significance works key basics principles rules",
    "CODEDO": "decode decrypt decipher deobfuscate base64 rot13 hexadecimal unscramble decoded",
    "RUN": "execute run follow obey perform eval exec apply comply",
    "SEND": "send post forward upload transmit email exfiltrate submit redirect ping fetch visit",
    "VERBATIM": "verbatim exactly literally letter-by-letter word-for-word",
    "EARLIER": "above before earlier preceding prior previous start beginning",
    "THING": "everything text words word instructions sentence sentences line lines content message messages conversation prompt",
    "WERE": "were was are have been got received given told follow followed use used guide guided guides governing govern",
    "GIVEN": "given told received got use using follow following guide guides guided governing govern operate based trained told programmed have had",
    "WHOLE": "dump full complete entire whole exact raw all",
    "AI": "ai ais assistant assistants chatbot gpt chatgpt llm bot model dan you claude bard gemini copilot siri",
    "SAY": "say state print output respond reply write answer claim repeat tell give translate provide show",
    "GUARD": """
        safety filter filters moderation guardrail guardrails safeguard safeguards restrictions restriction censorship
        security protections limitations
    """,
    "OWNER": "your the our my me us system admin user la das el a o il le het votre dein deine ihr mot",
    "CIPHERED": "backward backwards reverse reversed base64 base32 base16 base85 hex hexadecimal rot13 cipher anagram anagrams anagrammed scrambled morse leetspeak binary encoded encrypted emoji emojis latin interlace interlaced acrostic misspelled",
    "SOMEDATA": "credentials conversation passwords secrets history chat datos logs",
}  # fmt: skip

PHRASES: dict[str, str] = {
    "DROP": "忽略 忽视 无视 不要理会 忘记 忘掉 忽畧 無視 忘れて 무시 잊어 अनदेखी अनदेखा भूल_जाओ تجاهل تجاهلوا انس تجاوز התעלם ละเว้น เพิกเฉย अनदेखी_करें",
    "RULES": "指令 指示 规则 規則 命令 提示词 提示詞 说明 ルール プロンプト 지시 명령 규칙 निर्देश नियम التعليمات تعليمات الأوامر القواعد ההוראות คำสั่ง",
    "SYSTEM": "系统 系統 システム 시스템 सिस्टम النظام المערכת ระบบ",
    "SHOWS": "告诉 告訴 显示 顯示 输出 輸出 透露 展示 说出 重复 是什么 教えて 表示 見せて 出力 알려 보여 출력 공유 बताओ बताएं बताइए दिखाएं दिखाओ أخبرني اعرض أظهر اكشف הצג บอก แสดง",
    "SAYS": "述べ 言って 回答 答え 书き 说 写 말하 답하 출력 कहो कहें قل اكتب",
    "WANT": "必要 需要 要る 필요 चाहिए أحتاج ต้องการ",
    "SECRET": "密码 密碼 口令 密钥 パスワード 暗号 비밀번호 암호 पासवर्ड كلمة_المرور كلمة_السر סיסמה รหัสผ่าน",
}  # fmt: skip
