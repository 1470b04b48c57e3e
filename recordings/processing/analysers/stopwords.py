"""Words too common to name a topic, for the languages the site speaks."""

from __future__ import annotations

from typing import Final

_ENGLISH = """
a about above actually after again all almost also am an and another any are aren't around as at
back be because been before being below between both but by can can't cannot come could couldn't did
didn't do does doesn't doing don't done down during each even every few first for from further get
gets give go goes going gonna good got had hadn't has hasn't have haven't having he he's hello her
here hers herself him himself his how however i i'd i'll i'm i've if in into is isn't it it's its
itself just kind know last let let's like little look lot made make makes many may maybe me mean
more most much must my myself need next no nor not now of off oh ok okay on once one only or other
our ours ourselves out over own people please put quite rather really right said same say says see
should shouldn't so some something such sure take tell than thank thanks that that's the their
theirs them themselves then there there's these they they're they've thing things think this those
three through time to today together too two uh um under until up us use used using very want was
wasn't way we we'll we're we've welcome well were weren't what what's when where which while who
whom why will with within without won't would wouldn't yeah yes yet you you'll you're you've your
yours yourself
"""
_RUSSIAN = """
а без более больше будем будет будто будут бы был была были было быть в вам вами вас ваш весь вот
все всегда всего всем всех всю всё вы где говорить говорит да даже два для до добрый другой его ее
если есть еще ещё её ж же за здесь здравствуйте и из или им иметь имеет именно ими иногда их к
каждый как какая какие какой какую когда конечно который которая которое которые которого которой
котором которых кто куда ли лучше меня мне много может можно мои мой моя мы на над надо наконец нам
нами нас наш наша наше не него нее ней нельзя нет неё ни нибудь никогда ним них ничего но ну нужно о
об один одна одно он она они оно опять от очень перед по под после потом потому почти при привет про
просто раз разве с сам свое своей свои своих свой свою себе себя сегодня сейчас со собой совсем
спасибо так также такая такие такой там тебе тебя тем теперь то тогда того тоже только том тот точно
три тут ты у уж уже хорошо хоть чего чей чем через что чтоб чтобы чуть эти этим этих это этого этой
этом этот эту эта я является
"""
_PORTUGUESE = """
a acho agora ainda algo alguma algumas alguns além ali antes ao aos apenas aquela aquelas aquele
aqueles aqui aquilo as assim até bem boa bom cada coisa coisas com como contra da daquele das de
dela delas dele deles depois desde dessa desse desta deste deve disso dizer do dois dos e ela elas
ele eles em embora enquanto entre então era eram essa essas esse esses esta estamos estar estava
estavam este estes estou está estão eu falar faz fazer fez foi for foram fosse gente grande hoje há
isso isto já lhe lhes lá mais mas me mesmo meu meus minha minhas muita muito muitos na nada nas nem
nessa nesse nesta neste no nos nossa nossas nosso nossos num numa não né nós o obrigado olá onde os
ou outra outras outro outros para pela pelas pelo pelos pode podem por porque porém pouco pra
primeiro qual qualquer quando quanto que quem quer são se seja sem sempre sendo ser será seu seus
sim sobre sua suas só talvez também tanto te tem temos tenho ter teve tinha tipo toda todas todo
todos tudo um uma umas uns vai vamos você vocês vou à às é
"""
_BENGALI = """
অথবা অনেক অন্য আছে আজ আপনি আপনার আপনাদের আবার আমরা আমাদের আমার আমি আর আরও উনি এ এই এক একটা একটি এখন
এখানে এটা এটি এত এবং এমন এর এরা ও ওই ওরা ওর কখন কত করতে করব করবে করা করে করেন করেছে করার কাছে কি কিছু
কিন্তু কী কে কেন কেউ কোন কোনো ক্ষেত্রে খুব গিয়ে ছিল ছিলেন জন্য জন্যে টি ঠিক তখন তবে তা তাই তাকে তার
তারা তাহলে তিনি তুমি তো থাকে থেকে দিয়ে দেওয়া দুই ধন্যবাদ ধরে নয় না নাই নিয়ে নেই পর পরে পর্যন্ত
পারে প্রতি ফলে বলা বলে বলেন বা বিভিন্ন বেশি মত মতো মধ্যে মাধ্যমে মানে যখন যদি যা যাবে যায় যার যারা
যে যেতে যেমন সঙ্গে সব সবাই সাথে সে সেই সেটা সেখানে হওয়া হতে হবে হয় হয়ে হয়েছে হল হলে হলো হ্যাঁ
"""

STOPWORDS: Final = {
    "en": frozenset(_ENGLISH.split()),
    "ru": frozenset(_RUSSIAN.split()),
    "pt": frozenset(_PORTUGUESE.split()),
    "bn": frozenset(_BENGALI.split()),
}


def stopwords(language: str) -> frozenset[str]:
    """Return those of a language; of all where it is unknown, since few collide."""
    known = STOPWORDS.get(language.lower().replace("_", "-").partition("-")[0])
    return known if known is not None else frozenset().union(*STOPWORDS.values())
