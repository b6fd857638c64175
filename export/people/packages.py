"""Packages with recordings of people, and with sounds without any: pinned, hashed, with the licence that they state."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package of Debian's main archive, or a wheel of Python's."""

    name: str
    version: str
    sha256: str
    licence: str
    wheel: bool = False


_CORE_SOUNDS = {
    "en": "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
    "es": "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
    "fr": "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
    "it": "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
    "ru": "ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201",
}
_CORE_TEXTS = {
    "en": "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
    "es": "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74",
    "fr": "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056",
    "it": "3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b",
    "ru": "28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab",
}
_ASTERISK = "CC-BY-SA-3.0"

_ALL = (
    *(
        Package(f"asterisk-core-sounds-{code}-wav", "1.6.1-1", digest, _ASTERISK)
        for code, digest in _CORE_SOUNDS.items()
    ),
    *(Package(f"asterisk-core-sounds-{code}", "1.6.1-1", digest, _ASTERISK) for code, digest in _CORE_TEXTS.items()),
    Package(
        "asterisk-prompt-it-menardi-wav",
        "1:1.4.22+mm20110907-3.1",
        "3094530d98f8758ac275572d59624c41f60969fef883f34f4886d144f3dfeb21",
        _ASTERISK,
    ),
    Package(
        "asterisk-prompt-es-co",
        "0.20070403-2.1",
        "6702696e045514699e87dc8fb70f370717e5df91f821f7bec8dd0df1be008e83",
        "GPL-2.0",
    ),
    Package(
        "asterisk-prompt-fr-armelle",
        "20070613-2.2",
        "162570b1a9b3512a98f06b89f60c7c17cf1b9b52297315adca9a4e5be728bea3",
        "GPL-2.0",
    ),
    Package(
        "tuxpaint-stamps-default",
        "2022.06.04-1",
        "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
        "GPL-2.0-or-later",
    ),
    Package(
        "ktuberling-data",
        "4:22.12.3-1",
        "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
        "GPL-2.0-or-later",
    ),
    Package(
        "klettres-data",
        "4:22.12.3-1",
        "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
        "GPL-2.0-or-later",
    ),
    Package(
        "hedgewars-data",
        "1.0.2-6",
        "722225903a72604403e6e0026e40e9a6953f47a74d94efc5f55504bc05bb4761",
        "GPL-2.0",
    ),
    Package(
        "unknown-horizons",
        "2019.1-6",
        "ff49ea196d0f57c80d4cd4509c030240cbe632881f8c5b2a1265dd3e3795f100",
        "GPL-2.0-or-later, CC-BY-SA-3.0",
    ),
    Package(
        "fillets-ng-data-cs",
        "1.0.1-1.1",
        "3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14",
        "GPL-2.0-or-later",
    ),
    Package(
        "fillets-ng-data-nl",
        "1.0.1-1.1",
        "afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10",
        "GPL-2.0-or-later",
    ),
    Package(
        "drascula",
        "1.0+ds4-2",
        "ed4af8e2d41ad446e2f3b73533daa1804e2f13f62f596c0b02b8dc39544f22b4",
        "Drascula's own (free to pass on)",
    ),
    Package(
        "drascula-spanish",
        "1.0+ds4-2",
        "87b5f12df3fcd7ca16097c802dff1ab55e40c9ebc21209fa3f031e1661b4b8e5",
        "Drascula's own (free to pass on)",
    ),
    Package(
        "festvox-ru",
        "0.5+dfsg-6",
        "21ef3f0f2978ecf2e2eddb367cb0ff4a72572196d28dc69feb84f4177af5e6c4",
        "BSD-like (festvox-ru's)",
    ),
    Package(
        "pocketsphinx-testdata",
        "0.8+5prealpha+1-15",
        "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
        "BSD-2-Clause",
    ),
    Package(
        "asterisk-moh-opsound-wav",
        "2.03-1.1",
        "8f9d808a729d305c2d3343993f21ca5e6829e411682618dc8ea7aa8bc24a566c",
        "CC-BY-SA-3.0",
    ),
    Package(
        "colobot-common-sounds",
        "0.2.0-2",
        "819e799542eac69c95b072567b5584eb3e0b2bb900de13efa3684915747b1644",
        "GPL-3.0-or-later",
    ),
    Package(
        "supertux-data",
        "0.6.3-2",
        "a6ad8865972f1dbb5e7b49f4e1b381dd16a68f3028a3502cfeaca2400285d27f",
        "GPL-3.0-or-later and others",
    ),
    Package(
        "sonic-pi-samples",
        "3.2.2~repack-8",
        "25f2312d2fae005e6ad0f4726b8ed3084e776006a5a132083506e960224ac79d",
        "CC0-1.0",
    ),
    Package(
        "lomiri-sounds",
        "22.02-1",
        "d4a8fd0247e43e784ad75c11312d1f0e08a0ced6a4cfaadde3dcf118ab4e9abf",
        "CC-BY-SA-3.0 and others",
    ),
    Package(
        "oxygen-sounds",
        "4:5.27.5-2",
        "2230772aea70fb6508a38eeb8fb29f56357d9e00751477fe1954057c41541960",
        "LGPL-3.0-or-later",
    ),
    Package(
        "frozen-bubble-data",
        "2.212-11",
        "39cdfd07d9532d1558762cf265a844d09015c4540568573c50f444cc084166e0",
        "GPL-2.0",
    ),
    Package(
        "extremetuxracer-data",
        "0.8.2-1",
        "8ce6c82e6fb89549d284f43f6c4b0a9d82e6c0e5da753bee0ef419276a21470c",
        "GPL-2.0-or-later",
    ),
    Package(
        "chromium-bsu-data",
        "0.9.16.1-3",
        "03c7bb3d907e7baccf274b4e9d3f63f5dfb77f147d7955bc018d722aa7b16628",
        "Expat (its sounds)",
    ),
    Package(
        "alienblaster-data",
        "1.1.0-11",
        "53516e464d4604da8a72021d1d36a75c66bb3573dd99e20d381fc108994d17ee",
        "GPL-2.0-or-later",
    ),
    Package(
        "etw-data",
        "3.6+svn162-6",
        "d1c79c32f6223332c01eb23ba78531e8d9d663c1f057cd21d8aac708b8de218a",
        "GPL-2.0-or-later",
    ),
    Package(
        "moonshine-voice",
        "0.1.0",
        "0f833deb43bad5dcfb4cfd3257b6df83ef9abd3f27be3199622fe41932e8d916",
        "MIT",
        wheel=True,
    ),
)
PACKAGES = {package.name: package for package in _ALL}
