//! A frozen member becomes a letter.

use campaign::{Filling, Terms, Worth, render};
use domain::id::PartyId;
use domain::money::Money;
use domain::secret::Secret;
use domain::till_text::Language;
use domain::voucher::{VoucherNumber, voucher_id};
use lettershop::piece::{Piece, PieceId, PrintedVoucher, WHOLE_BP, Worth as PrintedWorth};
use lettershop::settings::ControlAddress;
use lettershop::{Key, Letter};
use store::run::Run;

use crate::ExportError;

/// What all letters of a run share.
#[derive(Debug)]
pub(crate) struct Letters<'a> {
    pub(crate) run: &'a Run,
    pub(crate) terms: Terms,
    pub(crate) variant: Key,
    pub(crate) enclosure: Option<Key>,
    /// Names letters: derived from the code key, so that nobody finds a letter's party by trying.
    pub(crate) piece_key: Vec<u8>,
}

impl<'a> Letters<'a> {
    pub(crate) fn of(run: &'a Run, code_key: &[u8]) -> Result<Self, ExportError> {
        let key = |text: &str| text.parse::<Key>();
        let campaign = &run.campaign;
        let unusable = |_| ExportError::Unusable("the campaign's letter has no name that a printer can take");
        Ok(Self {
            run,
            terms: campaign::terms(campaign, run.day)
                .map_err(|_| ExportError::Unusable("the vouchers of the run would be over before its day"))?,
            variant: key(&campaign.letter_variant).map_err(unusable)?,
            enclosure: campaign.enclosure.as_deref().map(key).transpose().map_err(unusable)?,
            piece_key: code_key.to_vec(),
        })
    }

    /// The letter of a member with these vouchers.
    pub(crate) fn piece(&self, party: &PartyId, letter: Letter, vouchers: &[u8]) -> Piece {
        let (language, text) = self.run.campaign.texts.of(letter.language);
        let text = self.text(text, language, letter.salutation.as_str(), letter.points);
        Piece {
            id: self.piece_id(party),
            language,
            salutation: letter.salutation,
            address: letter.lines,
            country: letter.country,
            postcode: letter.postcode,
            vouchers: vouchers.iter().map(|number| self.voucher(party, *number)).collect(),
            variant: self.variant.clone(),
            enclosure: self.enclosure.clone(),
            texts: vec![Secret::new(text)],
            control: false,
        }
    }

    /// The letter to a planted address, without a voucher.
    pub(crate) fn control(&self, index: usize, address: &ControlAddress) -> Result<Piece, ExportError> {
        let (language, text) = self.run.campaign.texts.of(address.language);
        let text = self.text(text, language, address.salutation.as_str(), 0);
        let party: PartyId = format!("control-{index}")
            .parse()
            .map_err(|_| ExportError::Unusable("a planted address has no name"))?;
        Ok(Piece {
            id: self.piece_id(&party),
            language,
            salutation: address.salutation.clone(),
            address: address.lines.clone(),
            country: address.country.clone(),
            postcode: address.postcode.clone(),
            vouchers: Vec::new(),
            variant: self.variant.clone(),
            enclosure: self.enclosure.clone(),
            texts: vec![Secret::new(text)],
            control: true,
        })
    }

    /// The id of the letter to a party.
    pub(crate) fn piece_id(&self, party: &PartyId) -> PieceId {
        PieceId::derive(&self.piece_key, &self.run.run, party, 1)
    }

    fn text(&self, text: &str, language: Language, salutation: &str, points: i64) -> String {
        let _ = language;
        let value = match self.terms.worth {
            Worth::Amount { value_minor } => Money::new(value_minor, self.run.currency).to_string(),
            Worth::PerCent { per_cent, .. } => format!("{per_cent} %"),
        };
        let until = self.terms.valid_until.format("%d.%m.%Y").to_string();
        let filling = Filling {
            salutation,
            value: &value,
            valid_until: &until,
            points: &points.to_string(),
        };
        render(text, &filling)
    }

    fn voucher(&self, party: &PartyId, number: u8) -> PrintedVoucher {
        PrintedVoucher {
            id: Secret::new(self.voucher_id(party, number)),
            worth: match self.terms.worth {
                Worth::Amount { value_minor } => PrintedWorth::Value(Money::new(value_minor, self.run.currency)),
                Worth::PerCent { per_cent, .. } => {
                    PrintedWorth::Percent(per_cent.saturating_mul(WHOLE_BP / 100).min(WHOLE_BP))
                }
            },
            valid_until: self.terms.valid_until,
        }
    }

    /// The name of a member's voucher.
    pub(crate) fn voucher_id(&self, party: &PartyId, number: u8) -> String {
        let number = VoucherNumber::of_run(self.run.run.clone(), number);
        voucher_id(party, &self.run.campaign.programme, &number)
    }
}
