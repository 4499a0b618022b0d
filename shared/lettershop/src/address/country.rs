//! Names of countries as carriers at the sender's read them, and how addresses are written there.

use domain::till_text::Language;
use party::contact::Country;

/// Code, then German, French, Italian and English.
const NAMES: [[&str; 5]; 46] = [
    ["AD", "Andorra", "Andorre", "Andorra", "Andorra"],
    ["AL", "Albanien", "Albanie", "Albania", "Albania"],
    ["AT", "Österreich", "Autriche", "Austria", "Austria"],
    ["AU", "Australien", "Australie", "Australia", "Australia"],
    [
        "BA",
        "Bosnien und Herzegowina",
        "Bosnie-Herzégovine",
        "Bosnia ed Erzegovina",
        "Bosnia and Herzegovina",
    ],
    ["BE", "Belgien", "Belgique", "Belgio", "Belgium"],
    ["BG", "Bulgarien", "Bulgarie", "Bulgaria", "Bulgaria"],
    ["BR", "Brasilien", "Brésil", "Brasile", "Brazil"],
    ["CA", "Kanada", "Canada", "Canada", "Canada"],
    ["CH", "Schweiz", "Suisse", "Svizzera", "Switzerland"],
    ["CN", "China", "Chine", "Cina", "China"],
    ["CZ", "Tschechien", "Tchéquie", "Cechia", "Czechia"],
    ["DE", "Deutschland", "Allemagne", "Germania", "Germany"],
    ["DK", "Dänemark", "Danemark", "Danimarca", "Denmark"],
    ["EE", "Estland", "Estonie", "Estonia", "Estonia"],
    ["ES", "Spanien", "Espagne", "Spagna", "Spain"],
    ["FI", "Finnland", "Finlande", "Finlandia", "Finland"],
    ["FR", "Frankreich", "France", "Francia", "France"],
    ["GB", "Grossbritannien", "Royaume-Uni", "Regno Unito", "United Kingdom"],
    ["GR", "Griechenland", "Grèce", "Grecia", "Greece"],
    ["HR", "Kroatien", "Croatie", "Croazia", "Croatia"],
    ["HU", "Ungarn", "Hongrie", "Ungheria", "Hungary"],
    ["IE", "Irland", "Irlande", "Irlanda", "Ireland"],
    ["IL", "Israel", "Israël", "Israele", "Israel"],
    ["IN", "Indien", "Inde", "India", "India"],
    ["IT", "Italien", "Italie", "Italia", "Italy"],
    ["JP", "Japan", "Japon", "Giappone", "Japan"],
    ["LI", "Liechtenstein", "Liechtenstein", "Liechtenstein", "Liechtenstein"],
    ["LT", "Litauen", "Lituanie", "Lituania", "Lithuania"],
    ["LU", "Luxemburg", "Luxembourg", "Lussemburgo", "Luxembourg"],
    ["LV", "Lettland", "Lettonie", "Lettonia", "Latvia"],
    ["MC", "Monaco", "Monaco", "Monaco", "Monaco"],
    [
        "MK",
        "Nordmazedonien",
        "Macédoine du Nord",
        "Macedonia del Nord",
        "North Macedonia",
    ],
    ["NL", "Niederlande", "Pays-Bas", "Paesi Bassi", "Netherlands"],
    ["NO", "Norwegen", "Norvège", "Norvegia", "Norway"],
    ["PL", "Polen", "Pologne", "Polonia", "Poland"],
    ["PT", "Portugal", "Portugal", "Portogallo", "Portugal"],
    ["RO", "Rumänien", "Roumanie", "Romania", "Romania"],
    ["RS", "Serbien", "Serbie", "Serbia", "Serbia"],
    ["SE", "Schweden", "Suède", "Svezia", "Sweden"],
    ["SG", "Singapur", "Singapour", "Singapore", "Singapore"],
    ["SI", "Slowenien", "Slovénie", "Slovenia", "Slovenia"],
    ["SK", "Slowakei", "Slovaquie", "Slovacchia", "Slovakia"],
    ["TR", "Türkei", "Turquie", "Turchia", "Turkey"],
    ["UA", "Ukraine", "Ukraine", "Ucraina", "Ukraine"],
    ["US", "USA", "États-Unis", "Stati Uniti", "United States"],
];

/// The country's name in `language`; of a country that letters seldom go to, its English name in ISO 3166-1.
pub fn name(country: &Country, language: Language) -> &'static str {
    let code = country.as_str();
    if let Some([_, de, fr, it, en]) = NAMES.iter().find(|[of, ..]| *of == code) {
        return match language {
            Language::De => de,
            Language::Fr => fr,
            Language::It => it,
            Language::En => en,
        };
    }
    let english = rust_iso3166::from_alpha2(code).map_or("", |known| known.name);
    // The standard's lists add articles: "Philippines (the)".
    english.strip_suffix(" (the)").unwrap_or(english)
}

/// Whether the house number stands before the street.
pub(super) fn number_first(country: &Country) -> bool {
    ["AU", "CA", "FR", "GB", "IE", "IN", "LU", "MC", "NZ", "SG", "US"].contains(&country.as_str())
}

/// Whether the postcode stands after the town.
pub(super) fn postcode_last(country: &Country) -> bool {
    ["AU", "CA", "GB", "IE", "IN", "NZ", "SG", "US"].contains(&country.as_str())
}
